// The mechanics of a simulated day: what becomes of drivers and bookings between two decisions.
//
// The World keeps the FleetSnapshot up to date in place and beside it what nobody may know: the queue of coming events.
// It asks nobody; whoever runs the day (sim/simulator.cpp, dispatch/rehearsal.cpp) takes event after event and carries
// decisions in.
//
// A driver's day. The shift starts (a late driver says then when he will be there). Somebody with stops stands where he
// is until it is time: he leaves so that he is expected at the next stop when it is planned, or `head_start` earlier
// where the window is open by then, for a plan may use up every minute that is tolerated. A leg that was begun is
// driven to its end, also when its booking is called off on the way. At a pickup he waits for the passenger until
// day.no_show_wait after the window's start or his arrival, whichever is later; then the ride is off. At a drop-off he
// waits for the window's start. A rest is taken where he is. Somebody without stops waits for `patience` where he is,
// then drives home (Driver::end), can still be given rides there until the shift ends, and is paid from first leaving
// the start place to last being back. Who falls ill brings those on board where they want to go, and the passenger he
// is just waiting for; his other bookings are open again.
//
// Promises. A client is told driver and time of the pickup when the booking is first in a plan and the pickup lies
// within `promise_horizon`. What was promised stays promised. It is settled when the driver is ready to load, at the
// later of arrival and window start: another driver is one change, and what lies beyond five minutes of the promised
// time is time moved. The optimiser charges planned starts the same way (dispatch/instance_of.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "dispatch/policy.h"
#include "dispatch/world/event_queue.h"
#include "dispatch/world/real_day.h"
#include "domain/day.h"
#include "domain/kpi.h"
#include "domain/promise.h"
#include "domain/snapshot.h"

namespace regulus::dispatch {

inline constexpr Seconds patience = 15 * one_minute;
inline constexpr Seconds head_start = promise_slack;   // as early as nobody minds
inline constexpr Seconds late_alarm = 2 * one_minute;  // a plan that slips by more is reported to the policy

// Something that happened, for the trace.
enum class What : std::uint8_t {
  known,
  cancelled,
  too_late_to_cancel,
  called,
  shift_started,
  late_start,
  began,
  sick,
  shift_ended,
  left,
  arrived,
  no_show,
  loading,
  boarded,
  unloading,
  completed,
  resting,
  rested,
  going_home,
  home,
  overdue,
  promised,
  expired,
  assigned,
  unassigned,
  partner,
  unserved,
  asked,
  refused,
};
std::string_view name_of(What what);

struct Happening {
  Seconds at = 0;
  What what = What::known;
  DriverId driver = 0;
  BookingId booking = 0;
  std::int64_t detail = 0;  // a moment or a number, as the kind has it
};

class World {
 public:
  // The day from its beginning. `day` and `expected` must outlive the world.
  World(Day const& day, TravelTimes const& expected, std::function<void(Happening const&)> report);
  // The same from the middle of a day on: `fleet`, which is resumable (dispatch/world/resumable.h), says how it stands,
  // and `reality` what is to come. Who is under way, or being served, is there or done as reality has it, but not
  // before now. What was driven and promised before is not counted. A booking that dispatch has not heard of never
  // comes up, because whoever asks may not know of it; those that the day has beyond the fleet's come up as they say.
  // `day`, whose own reality must be empty, is shown to policies as it is; it, `reality` and `expected` must outlive
  // the world.
  World(Day const& day, Reality const& reality, FleetSnapshot const& fleet, TravelTimes const& expected,
        std::function<void(Happening const&)> report);
  World(World const&) = delete;
  World& operator=(World const&) = delete;

  FleetSnapshot const& fleet() const { return fleet_; }
  Seconds next_moment() const { return queue_.next_moment(); }
  bool over() const { return queue_.empty(); }
  // Only departures are left of the next moment.
  bool next_is_departure() const { return !over() && is_departure(queue_.next().kind); }

  // Lets the next event happen. Returns whether a policy would want to hear of it.
  bool happen();
  // The question is asked at `moment`, not later than the next event: what is near enough is locked.
  void prepare_question(Seconds moment);
  // Carries out a decision that check_decision has passed.
  void carry_out(Decision const& decision);

  // When the day is over.
  Outcome outcome() const;
  // As it stands: who is out counts as back when he is free.
  Outcome so_far() const;

 private:
  enum class Doing : std::uint8_t { away, standing, driving, waiting, serving, gone };
  // What a driver does, beside what the snapshot tells of it.
  struct Body {
    Doing doing = Doing::away;
    std::uint32_t ticket = 0;
    bool ill = false;
    bool homeward = false;
    Place destination = no_place;  // while driving
    Seconds expected_there = 0;
    Seconds idle_since = 0;
    std::int32_t completed = 0;
  };

  DriverState& state(std::int32_t d) { return fleet_.drivers[static_cast<std::size_t>(d)]; }
  Body& body(std::int32_t d) { return bodies_[static_cast<std::size_t>(d)]; }
  Driver const& driver(std::int32_t d) const { return day_.drivers[static_cast<std::size_t>(d)]; }
  Booking const& booking(std::int32_t b) const { return day_.bookings[static_cast<std::size_t>(b)]; }
  BookingState& state_of(std::int32_t b) { return fleet_.bookings[static_cast<std::size_t>(b)]; }
  Place place_of(std::int32_t d, Stop const& stop) const;
  Seconds expected_leg(std::int32_t d) const;  // to the next stop
  Seconds latest_arrival(std::int32_t d) const;

  void begin_booking(std::int32_t b);
  void resume_booking(std::int32_t b);
  void resume_driver(std::int32_t d);
  void resume_stop(std::int32_t d);

  void tell(What what, std::int32_t d, std::int32_t b, std::int64_t detail = 0);
  void touch(std::int32_t d);
  void become(std::int32_t d, DriverStatus status);
  void turn(std::int32_t b, BookingStatus status);
  // The driver's next event; what was appointed before is void.
  void appoint(std::int32_t d, Seconds at, EventKind kind);
  // Raises the alarm when that event comes clearly later than expected.
  void watch(std::int32_t d, Seconds expected, Seconds real);

  // What an event does. Those that return something say whether a policy would want to hear of it.
  bool hear(std::int32_t b);
  bool call(std::int32_t b);
  bool cancel(std::int32_t b);
  void offer(std::int32_t b);
  void expire(std::int32_t b);
  void promise(std::int32_t b);
  bool start_shift(std::int32_t d);
  void begin(std::int32_t d);
  bool fall_ill(std::int32_t d);
  void end_shift(std::int32_t d);
  void leave(std::int32_t d);
  void arrive(std::int32_t d);
  void start_service(std::int32_t d);
  bool end_service(std::int32_t d);
  bool give_up(std::int32_t d);
  void go_home(std::int32_t d);

  void proceed(std::int32_t d);
  void wait_for_work(std::int32_t d);
  void drive(std::int32_t d, Place to, Errand errand, std::int32_t id, Seconds expected);
  void divert(std::int32_t d);
  Seconds able_from(std::int32_t d) const;  // to load or unload, of who has arrived
  void wait_at_stop(std::int32_t d, Seconds earliest);
  void wait_until(std::int32_t d, Seconds moment, EventKind kind, Seconds expected);
  void settle_promise(std::int32_t d, std::int32_t b, Seconds able);
  void stand(std::int32_t d, Place here);
  void retire(std::int32_t d);
  void remove_stops(std::int32_t d, BookingId id);
  bool retime(std::int32_t d);
  Outcome written_down() const;

  Day const& day_;
  std::optional<Day> public_day_;  // without what is hidden from policies, when the day itself has that
  TravelTimes const& expected_;
  RealDay real_;
  std::function<void(Happening const&)> report_;
  FleetSnapshot fleet_;
  std::vector<Body> bodies_;
  std::vector<DriverOutcome> driven_;
  std::vector<DriverId> told_;  // by booking: whose plan the trace last said it is in
  std::int64_t changed_drivers_ = 0;
  Seconds moved_promises_ = 0;
  EventQueue queue_;
};

}  // namespace regulus::dispatch
