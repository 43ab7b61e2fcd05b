// Companies, drivers, routes, bookings, counters: what is written reads back, and nobody overwrites what he has not
// seen.
#include <rapidcheck/gtest.h>

#include "store/bookings.h"
#include "store/companies.h"
#include "store/counters.h"
#include "store/drivers.h"
#include "store/model_registry.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

Company a_company(std::int64_t id) {
  return {.id = id,
          .name = fmt::format("company {}", id),
          .time_zone = "Europe/Zurich",
          .is_test = id % 2 == 0,
          .scenario = id % 2 == 0 ? "rush" : "",
          .settings = Json::object({{"horizon", 600}, {"share", 0.25}})};
}

// A database with companies 1 and 2 and one model.
class FleetRows : public ::testing::Test {
 protected:
  FleetRows() {
    for (std::int64_t id : {1, 2}) {
      served.write([&](Transaction& tx) { return add_company(tx, a_company(id), morning_us); });
    }
    model = served
                .write([](Transaction& tx) {
                  return add_model(tx, {.name = "value", .sha256 = std::string(64, 'a'), .path = "value.model"},
                                   morning_us, Entropy{});
                })
                .id;
  }
  // The error of a job that is expected to fail.
  template <class Work>
  Error refused(Work work) {
    auto const answer = served.database().write_and_wait(work);
    if (answer) ADD_FAILURE() << "was done";
    return answer ? Error{ErrorKind::io, ""} : answer.error();
  }
  StoredBooking booked(std::int64_t pickup_at_us, std::int64_t company = 1) {
    return served.write([&](Transaction& tx) {
      return add_booking(tx, {.company = company, .pickup_at_us = pickup_at_us, .body = Json::object({{"seats", 2}})},
                         morning_us);
    });
  }
  StoredDriver hired(std::int64_t company = 1) {
    return served.write([&](Transaction& tx) {
      return add_driver(tx, {.company = company, .name = "van", .body = Json::object({{"type", "regular"}})});
    });
  }

  ServedFolder served;
  std::string model;
};

TEST_F(FleetRows, a_company_reads_back_as_written_and_starts_switched_off) {
  Company expected = a_company(2);
  expected.mode_since_us = morning_us;
  expected.created_us = morning_us;
  EXPECT_EQ(served.read([](Transaction& tx) { return load_company(tx, 2); }), expected);
  EXPECT_EQ(served.read([](Transaction& tx) -> Result<std::vector<Company>> { return list_companies(tx, 1, 10); }),
            std::vector{expected});
}

TEST_F(FleetRows, a_company_is_changed_by_whoever_has_seen_it_last) {
  Company changed = a_company(1);
  changed.name = "another name";
  Company const after = served.write([&](Transaction& tx) { return update_company(tx, changed, 1); });
  EXPECT_EQ(after.name, "another name");
  EXPECT_EQ(after.version, 2);
  EXPECT_EQ(after.mode_version, 1);
  EXPECT_EQ(refused([&](Transaction& tx) { return update_company(tx, changed, 1); }).kind, ErrorKind::conflict);
  EXPECT_EQ(refused([&](Transaction& tx) { return add_company(tx, changed, 0); }).kind, ErrorKind::conflict);
  changed.id = 9;
  EXPECT_EQ(refused([&](Transaction& tx) { return update_company(tx, changed, 1); }).kind, ErrorKind::not_found);
}

TEST_F(FleetRows, the_mode_has_a_version_of_its_own_and_needs_a_model_unless_off) {
  auto const set = [&](Mode mode, std::optional<std::string> id, std::optional<std::int64_t> expected) {
    return served.database().write_and_wait([&](Transaction& tx) {
      return set_mode(tx, {1, mode, id}, expected, morning_us + second_us);
    });
  };
  auto const shadow = set(Mode::shadow, model, 1);
  ASSERT_TRUE(shadow);
  EXPECT_EQ(shadow->mode, Mode::shadow);
  EXPECT_EQ(shadow->model_id, model);
  EXPECT_EQ(shadow->mode_version, 2);
  EXPECT_EQ(shadow->mode_since_us, morning_us + second_us);
  EXPECT_EQ(shadow->version, 1);
  EXPECT_EQ(set(Mode::on, model, 1).error().kind, ErrorKind::conflict);
  EXPECT_EQ(set(Mode::on, std::nullopt, 2).error().kind, ErrorKind::invalid);
  EXPECT_EQ(set(Mode::on, "mdl_none", 2).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(set(Mode::off, std::nullopt, std::nullopt));
}

TEST_F(FleetRows, a_fallback_keeps_its_first_reason_and_ends_with_the_mode) {
  auto const fall_back = [&](std::optional<std::string> const& reason, std::int64_t at) {
    return served.write([&](Transaction& tx) { return set_fallback(tx, 1, reason, at); });
  };
  fall_back("model is missing", morning_us);
  Company const twice = fall_back("too slow", morning_us + 1);
  EXPECT_EQ(twice.fallback_reason, "model is missing");
  EXPECT_EQ(twice.fallback_since_us, morning_us);
  EXPECT_EQ(twice.version, 1);
  EXPECT_EQ(fall_back(std::nullopt, morning_us + 2).fallback_reason, std::nullopt);
  fall_back("again", morning_us + 3);
  EXPECT_EQ(served.write([&](Transaction& tx) {
                    return set_mode(tx, {1, Mode::on, model}, 1, morning_us);
                  })
                .fallback_since_us,
            std::nullopt);
}

TEST_F(FleetRows, drivers_are_numbered_by_company_and_read_back) {
  EXPECT_EQ(hired().id, 1);
  EXPECT_EQ(hired().id, 2);
  EXPECT_EQ(hired(2).id, 1);
  StoredDriver const chosen = served.write([](Transaction& tx) {
    return add_driver(
        tx,
        {.company = 1, .id = 40, .name = "bus", .position = StoredPosition{46.5, 6.6, morning_us}, .available = false});
  });
  EXPECT_EQ(chosen.position, (StoredPosition{46.5, 6.6, morning_us}));
  EXPECT_FALSE(chosen.available);
  EXPECT_EQ(hired().id, 41);
  EXPECT_EQ(refused([](Transaction& tx) { return add_driver(tx, {.company = 1, .id = 40}); }).kind,
            ErrorKind::conflict);
  EXPECT_EQ(refused([](Transaction& tx) { return add_driver(tx, {.company = 3}); }).kind, ErrorKind::not_found);
  auto const listed =
      served.read([](Transaction& tx) -> Result<std::vector<StoredDriver>> { return list_drivers(tx, 1, 1, 2); });
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].id, 2);
  EXPECT_EQ(listed[1], chosen);
}

TEST_F(FleetRows, a_driver_of_another_company_does_not_exist) {
  hired(2);
  auto const found = served.database().read([](Transaction& tx) { return load_driver(tx, 1, 1); });
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::not_found);
}

TEST_F(FleetRows, positions_that_overtake_each_other_leave_the_newest) {
  hired();
  for (std::int64_t at : {3, 1, 2}) {
    served.write([&](Transaction& tx) {
      return note_position(tx, 1, 1, {static_cast<double>(at), 6.5, morning_us + at});
    });
  }
  StoredDriver const driver = served.read([](Transaction& tx) { return load_driver(tx, 1, 1); });
  EXPECT_EQ(driver.position, (StoredPosition{3, 6.5, morning_us + 3}));
  EXPECT_EQ(driver.version, 1);
  EXPECT_EQ(refused([](Transaction& tx) { return note_position(tx, 1, 9, {}); }).kind, ErrorKind::not_found);
}

TEST_F(FleetRows, a_route_begins_at_version_zero_and_rises) {
  hired();
  auto const put = [&](int stop, std::int64_t expected) {
    return served.database().write_and_wait([&](Transaction& tx) {
      return put_route(tx, {.company = 1, .driver = 1, .stops = Json::Array{Json(stop)}}, expected, morning_us);
    });
  };
  EXPECT_EQ(served.read([](Transaction& tx) { return load_route(tx, 1, 1); }).version, 0);
  EXPECT_EQ(put(5, 1).error().kind, ErrorKind::conflict);
  EXPECT_EQ(put(5, 0)->version, 1);
  EXPECT_EQ(put(6, 1)->version, 2);
  EXPECT_EQ(put(7, 1).error().kind, ErrorKind::conflict);
  EXPECT_EQ(served.read([](Transaction& tx) { return load_route(tx, 1, 1); }).stops, (Json::Array{Json(6)}));
  EXPECT_EQ(refused([](Transaction& tx) { return put_route(tx, {.company = 1, .driver = 8}, 0, 0); }).kind,
            ErrorKind::not_found);
}

TEST_F(FleetRows, a_booking_lives_as_the_lifecycle_says) {
  StoredBooking const booking = booked(morning_us);
  auto const become = [&](BookingStatus status) {
    return served.database().write_and_wait([&](Transaction& tx) {
      return change_booking(tx, {.company = 1, .id = booking.id, .status = status}, std::nullopt, morning_us + 1);
    });
  };
  EXPECT_EQ(become(BookingStatus::completed).error().kind, ErrorKind::conflict);
  EXPECT_EQ(become(BookingStatus::assigned)->version, 2);
  EXPECT_EQ(become(BookingStatus::en_route)->status, BookingStatus::en_route);
  EXPECT_EQ(become(BookingStatus::cancelled)->updated_us, morning_us + 1);
  EXPECT_EQ(become(BookingStatus::pending).error().kind, ErrorKind::conflict);
}

TEST_F(FleetRows, what_a_change_does_not_name_stays) {
  StoredBooking const booking = booked(morning_us);
  StoredBooking const moved = served.write([&](Transaction& tx) {
    return change_booking(tx, {.company = 1, .id = booking.id, .pickup_at_us = morning_us + hour_us}, 1,
                          morning_us + 5);
  });
  StoredBooking expected = booking;
  expected.pickup_at_us = morning_us + hour_us;
  expected.version = 2;
  expected.updated_us = morning_us + 5;
  EXPECT_EQ(moved, expected);
  EXPECT_EQ(refused([&](Transaction& tx) {
              return change_booking(tx, {.company = 1, .id = booking.id}, 1, morning_us);
            }).kind,
            ErrorKind::conflict);
}

RC_GTEST_FIXTURE_PROP(FleetRows, pages_of_bookings_are_the_whole_list_cut, ()) {
  int const bookings = *rc::gen::inRange(0, 25);
  for (int i = 0; i < bookings; ++i) {
    booked(morning_us + *rc::gen::inRange(0, 5), *rc::gen::inRange(1, 3));
  }
  BookingList list{.company = 1};
  auto const fetch = [&] {
    return served.read([&](Transaction& tx) -> Result<std::vector<StoredBooking>> { return list_bookings(tx, list); });
  };
  std::vector<StoredBooking> const whole = fetch();
  RC_ASSERT(std::ranges::is_sorted(whole, {}, [](StoredBooking const& b) { return std::pair(b.pickup_at_us, b.id); }));
  list.limit = *rc::gen::inRange(1, 7);
  std::vector<StoredBooking> joined;
  for (auto page = fetch(); !page.empty(); page = fetch()) {
    RC_ASSERT(std::ssize(page) <= list.limit);
    joined.insert(joined.end(), page.begin(), page.end());
    list.after = {page.back().pickup_at_us, page.back().id};
  }
  RC_ASSERT(joined == whole);
}

TEST_F(FleetRows, bookings_are_listed_by_status_and_before_a_moment) {
  booked(morning_us);
  StoredBooking const second = booked(morning_us + 1);
  booked(morning_us + 2);
  served.write([&](Transaction& tx) {
    return change_booking(tx, {.company = 1, .id = second.id, .status = BookingStatus::assigned}, 1, morning_us);
  });
  auto const ids = [&](BookingList const& list) {
    std::vector<BookingId> found;
    for (auto const& booking :
         served.read([&](Transaction& tx) -> Result<std::vector<StoredBooking>> { return list_bookings(tx, list); })) {
      found.push_back(booking.id);
    }
    return found;
  };
  EXPECT_EQ(ids({.company = 1, .status = BookingStatus::assigned}), (std::vector<BookingId>{2}));
  EXPECT_EQ(ids({.company = 1, .status = BookingStatus::pending}), (std::vector<BookingId>{1, 3}));
  EXPECT_EQ(ids({.company = 1, .before_us = morning_us + 2}), (std::vector<BookingId>{1, 2}));
  EXPECT_EQ(ids({.company = 2}), std::vector<BookingId>{});
}

TEST_F(FleetRows, a_damaged_row_is_said_and_not_half_read) {
  booked(morning_us);
  for (char const* damage : {"status = 'lost'", "body = '{'"}) {
    EXPECT_EQ(refused([&](Transaction& tx) {
                tx.run(fmt::format("UPDATE bookings SET {}", damage));
                return load_booking(tx, 1, 1);
              }).kind,
              ErrorKind::corrupt);
  }
}

TEST_F(FleetRows, counters_add_up_since_their_first_count) {
  served.write([](Transaction& tx) -> Status {
    EXPECT_EQ(count(tx, 1, "decisions", 2, morning_us), 2);
    EXPECT_EQ(count(tx, 1, "decisions", 3, morning_us + 1), 5);
    return ok();
  });
  booked(morning_us);  // its number is no counter to be shown
  auto const all = [&] {
    return served.read([](Transaction& tx) -> Result<std::vector<Counter>> { return counters_of(tx, 1); });
  };
  EXPECT_EQ(all(), (std::vector<Counter>{{1, "decisions", 5, morning_us}}));
  served.write([](Transaction& tx) -> Status {
    reset_counter(tx, 1, "decisions", morning_us + 9);
    return ok();
  });
  EXPECT_EQ(all(), (std::vector<Counter>{{1, "decisions", 0, morning_us + 9}}));
}

}  // namespace
}  // namespace regulus::store
