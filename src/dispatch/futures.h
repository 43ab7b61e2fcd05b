// What may still be asked of the fleet: sampled continuations of a day.
//
// Two kinds of request that nobody can know yet (Bent and Van Hentenryck 2004, "Scenario-based planning for partially
// dynamic vehicle routing with stochastic customers"): patients who wait for their appointment to end will call, and
// new clients will ask for rides. Everything is drawn from what a situation may know: plans and what was booked, and
// the company's own forecast (Day::forecast). Reality is not looked at.
#pragma once

#include <algorithm>
#include <vector>

#include "core/rng.h"
#include "domain/snapshot.h"

namespace regulus::dispatch {

// When the last ride of a service day is over at the latest.
inline constexpr Seconds end_of_service = 30 * one_hour;

// When a patient who is waited for will call: the appointment lasts log-normally around `median` from `from` on, with
// this standard deviation of the logarithm.
struct CallForecast {
  Seconds from = 0;
  Seconds median = 0;
  double spread = 0;
};
CallForecast call_forecast(Situation const& situation, Booking const& inbound);
// Once a patient has called, nobody asks them to wait longer than this.
Seconds wait_after_call(Booking const& inbound);

// The chance that such a call, which has not come by now, comes after a later moment.
class CallStillToCome {
 public:
  CallStillToCome(CallForecast const& stay, Seconds now) : stay_(stay), not_yet_(std::max(1e-6, unconditional(now))) {}
  double after(Seconds moment) const { return std::min(1.0, unconditional(moment) / not_yet_); }

 private:
  double unconditional(Seconds moment) const;
  CallForecast stay_;
  double not_yet_;
};

// Requests that dispatch hears of after now and until `until`, in that order (Booking::known_from). The id of a return
// is its booking's; a new client's is 0.
//
// A will-call patient calls when the appointment is over: the stay is log-normal around the booked one, with the
// forecast's spread, given that nobody has called so far. New requests are Poisson by hour.
std::vector<Booking> sample_future(Situation const& situation, Seconds until, Rng rng);

}  // namespace regulus::dispatch
