#include "dispatch/partner_premium.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "dispatch/instance_of.h"

namespace regulus::dispatch {
namespace {

TEST(ChanceOfAtLeast, is_what_one_works_out_by_hand) {
  std::vector<double> const two{0.5, 0.25};
  EXPECT_DOUBLE_EQ(chance_of_at_least(0, two, 0), 1);
  EXPECT_DOUBLE_EQ(chance_of_at_least(1, two, 0), 1 - 0.5 * 0.75);
  EXPECT_DOUBLE_EQ(chance_of_at_least(2, two, 0), 0.125);
  EXPECT_DOUBLE_EQ(chance_of_at_least(3, two, 0), 0);
  EXPECT_DOUBLE_EQ(chance_of_at_least(1, {}, 1), 1 - std::exp(-1.0));
  // Neither, or one of both: e^-1 / 2 each time.
  EXPECT_NEAR(chance_of_at_least(2, std::vector{0.5}, 1), 1 - 1.5 * std::exp(-1.0), 1e-15);
}

// Every outcome of the events by itself, with as many of the Poisson variable as matter.
double by_enumeration(int count, std::vector<double> const& events, double mean) {
  double chance = 0;
  for (std::uint32_t outcome = 0; outcome < (1U << events.size()); ++outcome) {
    double of_outcome = 1;
    int happened = 0;
    for (std::size_t k = 0; k < events.size(); ++k) {
      bool const happens = (outcome >> k & 1U) != 0;
      of_outcome *= happens ? events[k] : 1 - events[k];
      happened += happens ? 1 : 0;
    }
    double fewer = 0, term = std::exp(-mean);
    for (int more = 0; more < count - happened; ++more) {
      fewer += term;
      term *= mean / (more + 1);
    }
    chance += of_outcome * (1 - fewer);
  }
  return chance;
}

RC_GTEST_PROP(ChanceOfAtLeast, is_the_sum_over_all_outcomes, ()) {
  auto const percents = *rc::gen::container<std::vector<int>>(*rc::gen::inRange(0, 9), rc::gen::inRange(0, 101));
  std::vector<double> events;
  for (int const percent : percents) events.push_back(percent / 100.0);
  double const mean = *rc::gen::inRange(0, 50) / 10.0;
  int const count = *rc::gen::inRange(0, 12);
  RC_ASSERT(std::abs(chance_of_at_least(count, events, mean) - by_enumeration(count, events, mean)) < 1e-12);
  RC_ASSERT(chance_of_at_least(count + 1, events, mean) <= chance_of_at_least(count, events, mean) + 1e-15);
}

// A patient who was brought to an appointment at nine and will call around eleven; somebody else wants a ride at once.
struct Clinic {
  Clinic() {
    day.places = {{46.2, 6.14}, {46.21, 6.15}};
    Driver driver;
    driver.id = 1;
    driver.vehicle.layouts = {Seats{{2, 0, 0}}};
    driver.shift = {7 * one_hour, 12 * one_hour};
    day.drivers = {driver};
    Booking outbound;
    outbound.id = 1;
    outbound.pickup = 0;
    outbound.dropoff = 1;
    outbound.seats = Seats{{1, 0, 0}};
    outbound.dropoff_window = {8 * one_hour, 9 * one_hour};
    Booking inbound = outbound;
    inbound.id = 2;
    inbound.booking_class = BookingClass::will_call;
    inbound.linked = 1;
    inbound.pickup = 1;
    inbound.dropoff = 0;
    inbound.pickup_window = {11 * one_hour, 12 * one_hour};
    inbound.dropoff_window = {};
    Booking now = outbound;
    now.id = 3;
    now.pickup_window = {10 * one_hour + 1'800, 11 * one_hour};
    now.dropoff_window = {};
    day.bookings = {outbound, inbound, now};
    day.partner = {.rides = 1, .notice = 0, .wheelchairs = false};
    fleet.bookings.resize(3);
    for (std::size_t b = 0; b < 3; ++b) {
      fleet.bookings[b].known = true;
      fleet.bookings[b].pickup_window = day.bookings[b].pickup_window;
      fleet.bookings[b].dropoff_window = day.bookings[b].dropoff_window;
    }
    fleet.bookings[0].status = BookingStatus::completed;
    fleet.bookings[0].dropped_off = 9 * one_hour - 300;
    fleet.bookings[1].ready = false;
    fleet.undecided = {2};
    DriverState state;
    state.anchor = 0;
    state.free_at = 7 * one_hour;
    fleet.drivers = {state};
    fleet.partner_left = 1;
    fleet.now = 10 * one_hour;
    times = TravelTimes::straight_line(day.places, day.speeds);
    fleet.day = &day;
  }
  Clinic(Clinic const&) = delete;
  Clinic& operator=(Clinic const&) = delete;

  Situation situation() const { return {fleet, times}; }
  double premium() const { return static_cast<double>(partner_premium(situation())) / 1'000; }
  // What the patient's ride home costs unserved, beyond the partner's bill; in cents.
  double worth() const {
    Metres const direct = times.leg(1, 0, 11).metres;
    return static_cast<double>(unserved_price(day.weights, day.bookings[1], dearest_ride(day)) -
                               partner_price(day.weights, day.bookings[1], direct));
  }

  Day day;
  TravelTimes times;
  FleetSnapshot fleet;
};

TEST(PartnerPremium, is_the_chance_that_the_last_ride_is_missing_times_what_it_would_save) {
  Clinic const clinic;
  // The stay from nine on is log-normal with median two hours and deviation 0.35. The driver is there until twelve: the
  // patient needs the partner when the stay is longer than three hours, given that it is longer than one.
  auto const longer = [](double hours) { return 0.5 * std::erfc(std::log(hours / 2) / 0.35 / std::sqrt(2.0)); };
  EXPECT_NEAR(clinic.premium(), clinic.worth() * longer(3) / longer(1), 2);
  EXPECT_GT(clinic.premium(), 0);
}

TEST(PartnerPremium, is_nothing_where_nothing_can_be_missing) {
  Clinic clinic;
  clinic.fleet.partner_left = 2;
  EXPECT_EQ(clinic.premium(), 0);  // one patient, two rides
  clinic.fleet.partner_left = 0;
  EXPECT_EQ(clinic.premium(), 0);
  clinic.fleet.partner_left = 1;
  clinic.fleet.bookings[1].ready = true;
  EXPECT_EQ(clinic.premium(), 0);  // has called
  clinic.fleet.bookings[1].ready = false;
  clinic.day.bookings[1].seats = Seats{{0, 1, 0}};
  EXPECT_EQ(clinic.premium(), 0);  // in a wheelchair, which the partner does not take
  clinic.day.bookings[1].seats = Seats{{1, 0, 0}};
  clinic.day.partner.notice = 1'801;
  EXPECT_EQ(clinic.premium(), 0);  // who has called waits half an hour, and the partner has to know before that
  clinic.day.partner.notice = 1'800;
  EXPECT_GT(clinic.premium(), 0);
  clinic.day.drivers[0].shift.end = 40 * one_hour;
  EXPECT_EQ(clinic.premium(), 0);  // a driver is always there
}

TEST(PartnerPremium, counts_new_requests_while_nobody_is_on_duty) {
  Clinic clinic;
  clinic.fleet.bookings[1].status = BookingStatus::cancelled;
  clinic.day.forecast.per_hour[11] = 5;  // the driver is there
  EXPECT_EQ(clinic.premium(), 0);
  clinic.day.forecast.per_hour[13] = 0.7;
  double const one = clinic.premium();
  Booking ordinary;
  ordinary.booking_class = BookingClass::on_demand;
  double const saved = static_cast<double>(unserved_price(clinic.day.weights, ordinary, dearest_ride(clinic.day)) -
                                           partner_price(clinic.day.weights, ordinary, 0));
  EXPECT_NEAR(one, saved * (1 - std::exp(-0.7)), 2);
  clinic.fleet.partner_left = 3;
  EXPECT_LT(clinic.premium(), one);
}

TEST(PartnerPremium, is_part_of_the_price_of_whoever_would_go_to_the_partner) {
  Clinic clinic;
  Question const scarce = instance_of(clinic.situation(), clinic.fleet.undecided);
  ASSERT_TRUE(scarce.partner_is_cheaper.back());
  EXPECT_EQ(scarce.partner_premium, partner_premium(clinic.situation()));
  clinic.fleet.partner_left = 2;
  Question const plenty = instance_of(clinic.situation(), clinic.fleet.undecided);
  EXPECT_EQ(plenty.partner_premium, 0);
  EXPECT_EQ(scarce.instance.requests.back().left_out,
            plenty.instance.requests.back().left_out + scarce.partner_premium);
}

// The last ride is kept for the evening: an own driver, who is dearer than the partner, is sent now.
TEST(PartnerPremium, keeps_the_last_ride_for_who_will_need_it) {
  Clinic clinic;
  clinic.day.weights.partner_base = 100;
  clinic.day.weights.partner_km = 0;
  auto const insertion = make_policy("insertion", {}).take();
  EXPECT_EQ(insertion->decide(clinic.situation(), Rng(1)).routes.size(), 1U);
  clinic.fleet.partner_left = 2;
  EXPECT_TRUE(insertion->decide(clinic.situation(), Rng(1)).routes.empty());
}

}  // namespace
}  // namespace regulus::dispatch
