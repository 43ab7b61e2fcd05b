// When a policy is asked while a day goes on: at once when something has happened that it would want to hear of, or at
// the next full `batch` seconds; when it asked to be woken; and before anybody leaves at that same moment.
#pragma once

#include <algorithm>

#include "dispatch/policy.h"
#include "dispatch/world/world.h"

namespace regulus::dispatch {

class Questions {
 public:
  // `wake_at`: when the decision that was carried out last wanted to be asked again.
  explicit Questions(World& world, Seconds batch = 0, Seconds wake_at = never)
      : world_(world), batch_(batch), wake_at_(wake_at) {}

  // Lets the world go on until a policy is asked, with `on_event` called after each event; false: the day is over.
  template <class OnEvent>
  bool next(OnEvent const& on_event) {
    while (!world_.over() || ask_at_ < never) {
      Seconds const next = world_.next_moment(), question = std::min(ask_at_, wake_at_);
      if (next < question || (next == question && next < never && !world_.next_is_departure())) {
        if (world_.happen()) ask_at_ = std::min(ask_at_, batched(next));
        on_event();
        continue;
      }
      if (question == never) return false;  // what is left never happens
      ask_at_ = never;
      asked_ = question;
      world_.prepare_question(question);
      return true;
    }
    return false;
  }
  Seconds asked() const { return asked_; }  // the moment of the open question
  void answered(Decision const& decision) { wake_at_ = decision.wake_at > asked_ ? decision.wake_at : never; }

 private:
  Seconds batched(Seconds moment) const {
    if (batch_ <= 0) return moment;
    Seconds const past = ((moment % batch_) + batch_) % batch_;
    return past == 0 ? moment : moment + batch_ - past;
  }

  World& world_;
  Seconds batch_;
  Seconds ask_at_ = never, wake_at_, asked_ = 0;
};

}  // namespace regulus::dispatch
