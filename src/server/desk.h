// The live state of one company's service day: what dispatch is asked about, what its answers change, and what drivers
// report.
//
// A desk is put together from the store for one question or one report and thrown away afterwards: the store is the
// truth, and whoever writes says which versions he read. The policies see the same Situation as in a simulation. What
// the simulator's world does by events, drivers do here by reports: they leave for their next stop, arrive, begin and
// finish. A report may skip what must have come before it (who finished also arrived), and never goes back.
//
// Rows of Day::places: first each driver's start, then his end where he has one, then the pickup and drop-off of each
// booking, then for each driver the place where he last was. So the same facts make the same bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "dispatch/policy.h"
#include "domain/day.h"
#include "domain/snapshot.h"
#include "server/bodies.h"

namespace regulus::server {

// What of a company's settings shapes its days.
struct CompanyRules {
  std::string time_zone = "UTC";
  Partner partner;
  ObjectiveWeights weights;
  SpeedProfile speeds;
  Seconds lock_horizon = 600;
  Seconds no_show_wait = 600;
};

// How far a driver's day has come. `at`: where he last was; none: at his start, not yet left. The anchor of `state` is
// not used.
struct DriverProgress {
  DriverState state;
  std::optional<Point> at;
};

struct DeskDriver {
  DriverId id = 0;
  DriverBody body;
  DriverProgress progress;
};
struct DeskBooking {
  BookingId id = 0;
  BookingBody body;
  BookingState state;  // its windows are the body's
};

enum class DriverEvent : std::uint8_t { depart, arrive, begin, finish, no_show };
constexpr std::array<std::string_view, 5> enum_names(DriverEvent) {
  return {"depart", "arrive", "begin", "finish", "no_show"};
}

// What a driver says of the stop that he has before him.
struct Report {
  DriverId driver = 0;
  DriverEvent event = DriverEvent::depart;
  StopKind kind = StopKind::pickup;
  std::int32_t index = 0;  // as Stop::index
  Seconds at = 0;
};

class Desk {
 public:
  // `drivers` and `bookings` by ascending id, all of this date. Errors: invalid, for what makes the day meaningless
  // (check_day): names driver or booking.
  static Result<std::unique_ptr<Desk>> put_together(std::string const& name, std::string const& date,
                                                    CompanyRules const& rules, std::vector<DeskDriver> const& drivers,
                                                    std::vector<DeskBooking> const& bookings, Seconds now);
  // A question that was recorded (record()). Errors as parse.
  static Result<std::unique_ptr<Desk>> from_record(Json const& record);
  Desk(Desk const&) = delete;
  Desk& operator=(Desk const&) = delete;

  std::unique_ptr<Desk> copy() const;

  Day const& day() const { return day_; }
  FleetSnapshot const& fleet() const { return fleet_; }
  TravelTimes const& times() const { return times_; }
  Situation situation() const { return {fleet_, times_}; }
  // Straight lines until somebody gives better ones; `degraded`: the road server did not answer everything.
  void set_times(TravelTimes times, bool degraded);
  bool is_degraded() const { return degraded_; }

  // Everything a policy may see, as JSON: equal questions give equal bytes. A table of travel times is part of it.
  Json record() const;

  // Stops that begin within the lock horizon can no longer be moved.
  void lock_what_is_near();
  // Bug check: check_decision has passed.
  void carry_out(dispatch::Decision const& decision);
  // Errors: conflict in the sense of the API, as `invalid`: the driver does not exist or has another stop before him.
  Status report(Report const& report);
  // Takes a booking out of every plan and gives it a status: cancelled, pending, partner; what was promised is off.
  // Errors: invalid, when the lifecycle forbids it.
  Status withdraw(BookingId booking, BookingStatus status);
  // The driver of a booking will not drive it: nobody has it, and what was promised stands. Errors: as withdraw.
  Status give_back(BookingId booking) { return take_out(booking, BookingStatus::pending); }
  // Takes back what a driver has not begun yet: he is ill, or gone. Who is on board stays with him, and what the others
  // were promised stands.
  void release(DriverId driver);
  // For this question only: nobody else may take the booking. Bug check: both exist.
  void require(BookingId booking, DriverId driver);
  // From now on only these are to be decided about; ids that are not undecided are ignored.
  void decide_only(std::vector<BookingId> const& bookings);
  // Promises driver and time to whoever is in a plan and comes within the promise horizon; carry_out does so too.
  void promise_what_is_near();
  // Makes the driver's plan feasible again in time, as the kernel sees it.
  void retime(DriverId driver);

  // What the plans cost now with the price of everybody who has no driver yet, in cents.
  double cost() const;
  // The same after a decision, with the price of whom it gives away or gives up. Bug check as carry_out.
  double cost_after(dispatch::Decision const& decision) const;
  // Where a driver last was.
  Point whereabouts(DriverId driver) const;
  // Position by id; bug check that it exists.
  DriverState const& driver(DriverId id) const;
  BookingState const& booking(BookingId id) const;
  // Bookings whose state or driver, and drivers whose state, changed since the desk was put together.
  std::vector<BookingId> changed_bookings() const;
  std::vector<DriverId> changed_drivers() const;

 private:
  // As withdraw, but what was promised stands.
  Status take_out(BookingId booking, BookingStatus status);
  Desk() = default;
  DriverState& state(DriverId id);
  BookingState& state_of(BookingId id);
  void stand(DriverState& state, Place here, Seconds at);
  void find_undecided();

  Day day_;
  FleetSnapshot fleet_;
  TravelTimes times_;
  bool degraded_ = false;
  FleetSnapshot before_;  // as it was when the desk was put together
};

// A driver's progress as the store keeps it.
Json to_json(DriverProgress const& progress);
Result<DriverProgress> driver_progress_of(Json const& json);

}  // namespace regulus::server
