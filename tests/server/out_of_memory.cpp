// What becomes of a server whose memory runs out in the middle of a request: at every allocation, once and from there
// on.
//
// operator new is replaced for the whole program, and so is what SQLite takes its memory from: from the n-th allocation
// of any thread on, a number of them fail. The thread of the test itself is spared but while it is in Server::ask,
// where it stands for a thread of the listener. Each request is repeated with n = 1, 2, 3, … until it needs no more
// memory. Each time it must be answered, by what it is answered otherwise or by a 503; what it was to change is there
// exactly when the answer says so; and the next request must find everything as usual: no lock that is held, no
// transaction that is open, no reader that is missing.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <new>
#include <thread>

#include "dispatch/guarded.h"
#include "server/http/events.h"
#include "store/bookings.h"
#include "store/outbox.h"
#include "tests/server/loopback_client.h"
#include "tests/server/support.h"

namespace {

// Which allocations fail, counted from 1 over all threads.
std::atomic<bool> is_failing = false;
std::atomic<std::int64_t> allocations = 0;
std::atomic<std::int64_t> first_failure = 0, last_failure = 0;
thread_local bool is_spared = false;

bool is_denied() {
  if (!is_failing || is_spared) return false;
  std::int64_t const n = ++allocations;
  return n >= first_failure && n <= last_failure;
}

void* allocate(std::size_t size, std::size_t alignment) {
  if (is_denied()) throw std::bad_alloc();
  size = std::max<std::size_t>(1, size);
  void* const memory = alignment <= alignof(std::max_align_t)
                           ? std::malloc(size)
                           : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* allocate_or_null(std::size_t size) noexcept {
  try {
    return allocate(size, 1);
  } catch (std::bad_alloc const&) {
    return nullptr;
  }
}

sqlite3_mem_methods usual{};

// Before SQLite is used for the first time.
[[maybe_unused]] bool const replaced = [] {
  bool ok = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual) == SQLITE_OK;
  sqlite3_mem_methods failing = usual;
  failing.xMalloc = [](int size) { return is_denied() ? nullptr : usual.xMalloc(size); };
  failing.xRealloc = [](void* memory, int size) { return is_denied() ? nullptr : usual.xRealloc(memory, size); };
  ok = ok && sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) == SQLITE_OK;
  if (!ok) std::abort();
  return ok;
}();

}  // namespace

// Not inline: the compiler would take what it then sees for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) { return allocate(size, 1); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return allocate(size, 1); }
[[gnu::noinline]] void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
  return allocate_or_null(size);
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::nothrow_t const&) noexcept {
  return allocate_or_null(size);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace regulus::server {
namespace {

constexpr std::int64_t for_ever = std::numeric_limits<std::int64_t>::max() / 2;
// Every allocation up to this one; beyond, some of them.
constexpr std::int64_t densely = 2'000;

// The allocations n to n + more fail from now on, until the end of this.
class Failing {
 public:
  Failing(std::int64_t n, std::int64_t more) {
    allocations = 0;
    first_failure = n;
    last_failure = n + more;
    is_failing = true;
  }
  Failing(Failing const&) = delete;
  Failing& operator=(Failing const&) = delete;
  ~Failing() { is_failing = false; }
};

Json place(double latitude) { return Json::object({{"latitude", latitude}, {"longitude", 6.14}}); }

class OutOfMemory : public ::testing::Test {
 protected:
  OutOfMemory()
      : world_([](Server::Options& options) {
          options.watchdog.patience = std::chrono::milliseconds(10'000);
          // What a power cut would take is another test's affair, and a thousand flushes take long.
          options.store.synchronous = store::Database::Options::Synchronous::normal;
          options.listener.head_deadline = options.listener.write_deadline = std::chrono::milliseconds(500);
          options.listener.accept_pause = std::chrono::milliseconds(1);
        }) {
    is_spared = true;
    for (std::int64_t const company : {1, 2}) {
      world_.company(company, true);
      std::string const base = fmt::format("/api/v1/companies/{}", company);
      // The second one's rides are decided about as soon as they are there.
      expect(200, world_.ask("PUT", base + "/settings",
                             {.token = world_.administrator(),
                              .json = Json::object({{"auto_dispatch", company == 2}, {"improve", false}})}));
      for (char const* name : {"A", "B"}) expect(201, world_.post(base + "/drivers", token(), a_driver(name)));
    }
  }
  ~OutOfMemory() override { is_spared = false; }

  static Json a_driver(std::string const& name) {
    return Json::object({{"name", name},
                         {"vehicle", Json::object({{"layouts", Json(Json::Array{Json::object({{"ambulatory", 4}})})}})},
                         {"shift", Json::object({{"from", "07:00"}, {"to", "17:00"}})},
                         {"start", place(46.2)}});
  }
  // At ten o'clock of the k-th day from the Monday on, or later.
  static Json a_ride(int day, int later_h = 0) {
    Instant const from = monday_morning + (24LL * day + 1 + later_h) * 3'600 * one_second;
    return Json::object({{"class", "on_demand"},
                         {"pickup", place(46.2)},
                         {"dropoff", place(46.21)},
                         {"pickup_window",
                          Json(Json::Array{Json(instant_text(from)), Json(instant_text(from + 1'200 * one_second))})}});
  }
  static std::string date_of(int day) {
    return TimeZone::named("Europe/Zurich").take().date_of(monday_morning + 24LL * day * 3'600 * one_second);
  }

  std::string const& token() const { return world_.administrator(); }
  // The first company's switch; what decides then is a guarded rule in the place of a model.
  Response switch_to(bool on) {
    if (model_.empty()) {
      model_ = world_.model();
      world_.server().replace_candidate(
          model_, std::make_shared<dispatch::Guarded const>(dispatch::make_policy("regret", {}).take()));
    }
    Json body = Json::object({{"enabled", on}, {"company_id", 1}});
    if (on) {
      body["mode"] = "on";
      body["model_id"] = model_;
    }
    return world_.post("/api/company_dispatch/rl/toggle", token(), std::move(body));
  }
  static Response expect(int status, Response response) {
    EXPECT_EQ(response.status, status) << response.body;
    return response;
  }
  std::int64_t count(std::string const& table, std::int64_t company) {
    return world_.read([&](store::Transaction& tx) -> Result<std::int64_t> {
      return tx.integer(fmt::format("SELECT COUNT(*) FROM {} WHERE company = ?", table), {company}).value_or(-1);
    });
  }
  // Whatever was handed to the writer before is done.
  void wait_for_writer() {
    world_.write([](store::Transaction&) { return ok(); });
  }

  Request request(std::string const& method, std::string const& target, std::optional<Json> const& json = {},
                  Pairs const& headers = {}) {
    auto read = read_target(target);
    Target& t = std::get<Target>(read);
    Request request{.method = method,
                    .path = t.path,
                    .query = t.query,
                    .headers = headers,
                    .body = json ? json->dump() : "",
                    .peer = "127.0.0.1",
                    .id = "req_1"};
    request.headers.emplace_back("authorization", "Bearer " + token());
    if (json) request.headers.emplace_back("content-type", "application/json");
    return request;
  }

  // The answer while allocations fail; nothing where the connection would have been lost.
  std::optional<Response> ask(Request request, std::int64_t n, std::int64_t more) {
    Failing const failing(n, more);
    std::optional<Response> response;
    is_spared = false;
    try {
      response = world_.server().ask(std::move(request));
    } catch (std::exception const&) {
    }
    is_spared = true;
    return response;
  }

  // Calls `try_it` with n = 1, 2, … , once with one failure and once with nothing but failures from there on, until no
  // allocation fails any more. Returns how many a request needs.
  template <class Try>
  std::int64_t at_every_allocation(Try const& try_it) {
    std::int64_t needed = 0;
    for (std::int64_t const more : {std::int64_t{0}, for_ever}) {
      std::int64_t n = 1;
      for (bool is_over = false; !is_over; n += n < densely ? 1 : n / 50) {
        SCOPED_TRACE(fmt::format("allocation {}{} fails", n, more == 0 ? "" : " and every later one"));
        try_it(n, more);
        is_over = allocations < n || HasFatalFailure() || ::testing::Test::HasNonfatalFailure();
      }
      needed = std::max(needed, n - 1);
    }
    std::cout << "             " << needed << " allocations" << std::endl;
    return needed;
  }

  // A 503 or what is expected; whether it was that.
  static bool is_done(std::optional<Response> const& response, int status) {
    if (!response) return false;
    EXPECT_TRUE(response->status == status || response->status == 503) << response->status << " " << response->body;
    if (response->status == 503 && !response->body.empty()) {
      EXPECT_EQ(problem_of(*response), "not-ready");
      EXPECT_EQ(header_of(*response, "Retry-After"), "1");
    }
    return response->status == status;
  }

  // What must hold after all of this.
  void expect_order() {
    wait_for_writer();
    Json const verdict = json_of(expect(200, world_.get("/api/v1/audit/verify", token())));
    EXPECT_EQ(*verdict.find("intact"), Json(true)) << verdict.dump();
    world_.read([](store::Transaction& tx) -> Status {
      EXPECT_EQ(tx.text("PRAGMA integrity_check"), "ok");
      for (std::int64_t const company : {1, 2}) {
        std::int64_t const last = store::events_after(tx, company, 0, 1).last;
        for (std::int64_t after = 0; after < last;) {
          store::EventPage const page = store::events_after(tx, company, after, 500);
          EXPECT_FALSE(page.reset) << "an event after " << after << " is missing";
          if (page.events.empty()) break;
          after = page.events.back().sequence;
        }
      }
      // Every change has its row in the trail, and every row its change.
      EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM bookings"),
                tx.integer("SELECT COUNT(*) FROM audit WHERE action = 'booking.create'"));
      EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM bookings"),
                tx.integer("SELECT COUNT(*) FROM outbox WHERE type = 'booking.created'"));
      EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM decisions WHERE arm <> 'suggestion'"),
                tx.integer("SELECT COUNT(*) FROM outbox WHERE type = 'decision.made'"));
      return ok();
    });
    // A ride is booked, decided about by itself, and found.
    Response const made = expect(201, world_.post("/api/v1/companies/2/bookings", token(), a_ride(6)));
    std::string const id = json_of(made).find("id")->dump();
    expect(200, world_.post("/api/v1/companies/2/dispatch:run", token(), Json::object({{"date", date_of(6)}})));
    EXPECT_EQ(text_at(json_of(world_.get("/api/v1/companies/2/bookings/" + id, token())), "status"), "assigned");
  }

  ServerUnderTest world_;
  std::string model_;
};

TEST_F(OutOfMemory, a_read_says_what_there_is_or_that_it_cannot) {
  for (int day = 0; day < 3; ++day) expect(201, world_.post("/api/v1/companies/1/bookings", token(), a_ride(day)));
  for (std::string const target :
       {"/api/v1/companies/1/bookings", "/api/v1/companies/1", "/api/v1/audit?limit=5", "/metrics", "/nowhere"}) {
    Response const usual = world_.get(target, token());
    std::int64_t const needed = at_every_allocation([&](std::int64_t n, std::int64_t more) {
      auto const response = ask(request("GET", target), n, more);
      if (is_done(response, usual.status) && target != "/metrics" && target != "/nowhere") {
        EXPECT_EQ(response->body, usual.body);
      }
      EXPECT_EQ(world_.get(target, token()).status, usual.status);
    });
    EXPECT_GT(needed, 10) << target;
  }
  expect_order();
}

TEST_F(OutOfMemory, a_booking_is_there_exactly_when_it_was_answered) {
  std::string const target = "/api/v1/companies/1/bookings";
  std::int64_t there = count("bookings", 1);
  at_every_allocation([&](std::int64_t n, std::int64_t more) {
    bool const is_made = is_done(ask(request("POST", target, a_ride(0)), n, more), 201);
    wait_for_writer();
    EXPECT_EQ(count("bookings", 1), there + (is_made ? 1 : 0));
    there = count("bookings", 1);
  });
  expect_order();
}

// The decision that follows by itself meets the failures as well; whatever becomes of it, the next one is made.
TEST_F(OutOfMemory, a_booking_that_is_decided_about_by_itself_leaves_the_next_decision_possible) {
  std::string const target = "/api/v1/companies/2/bookings";
  at_every_allocation([&](std::int64_t n, std::int64_t more) {
    is_done(ask(request("POST", target, a_ride(0)), n, more), 201);
    wait_for_writer();
  });
  // At three in the afternoon, when the drivers have nothing to do.
  Response const made = expect(201, world_.post(target, token(), a_ride(0, 5)));
  std::string const path = target + "/" + json_of(made).find("id")->dump();
  auto const status = [&] { return text_at(json_of(world_.get(path, token())), "status"); };
  auto const patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (status() == "pending" && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  EXPECT_NE(status(), "pending") << "nobody decided: somebody's turn never ended";
  expect_order();
}

TEST_F(OutOfMemory, a_repeated_request_has_one_effect) {
  std::string const target = "/api/v1/companies/1/bookings";
  int key = 0;
  at_every_allocation([&](std::int64_t n, std::int64_t more) {
    std::int64_t const there = count("bookings", 1);
    Pairs const headers = {{"idempotency-key", std::to_string(++key)}};
    bool const is_made = is_done(ask(request("POST", target, a_ride(0), headers), n, more), 201);
    // The same again meets the failures too, and once more in peace.
    is_done(ask(request("POST", target, a_ride(0), headers), n, more), 201);
    Response const answer = world_.post(target, token(), a_ride(0), headers);
    EXPECT_EQ(answer.status, 201) << answer.body;
    if (is_made) {
      EXPECT_EQ(header_of(answer, "Idempotency-Replayed"), "true");
    }
    EXPECT_EQ(count("bookings", 1), there + 1);
  });
  expect_order();
}

class OutOfMemoryDispatch : public OutOfMemory {
 protected:
  // Each decision has a day of its own, so that no day grows.
  std::int64_t run(Pairs const& headers = {}) {
    std::string const base = "/api/v1/companies/1";
    int day = 1;
    std::string ride;
    return at_every_allocation([&](std::int64_t n, std::int64_t more) {
      if (ride.empty()) {
        Response const made = world_.post(base + "/bookings", token(), a_ride(++day));
        ride = json_of(made).find("id")->dump();
      }
      std::int64_t const decisions = count("decisions", 1);
      auto const response =
          ask(request("POST", base + "/dispatch:run", Json::object({{"date", date_of(day)}}), headers), n, more);
      bool const is_decided = is_done(response, 200);
      wait_for_writer();
      Json const booking = json_of(world_.get(base + "/bookings/" + ride, token()));
      bool const is_assigned = text_at(booking, "status") == "assigned";
      // Kept whole or not at all; an answer may be lost after it was kept, as with a connection, but never be untrue.
      EXPECT_EQ(count("decisions", 1), decisions + (is_assigned ? 1 : 0));
      if (is_decided) {
        EXPECT_TRUE(is_assigned);
      }
      if (is_assigned) ride.clear();
    });
  }
};

TEST_F(OutOfMemoryDispatch, a_decision_of_the_rule_is_kept_whole_or_not_at_all) {
  EXPECT_GT(run(), 1'000);
  expect_order();
}

TEST_F(OutOfMemoryDispatch, so_is_a_decision_of_a_candidate) {
  expect(200, switch_to(true));
  EXPECT_GT(run(), 1'000);
  expect_order();
}

TEST_F(OutOfMemory, the_switch_is_turned_off_or_says_that_it_could_not) {
  Json const off = Json::object({{"enabled", false}, {"company_id", 1}});
  auto const is_on = [&] {
    Json const status = json_of(world_.get("/api/company_dispatch/rl/status?company_id=1", token()));
    return text_at(status, "mode") == "on" && !world_.server().is_forced_off(1);
  };
  at_every_allocation([&](std::int64_t n, std::int64_t more) {
    expect(200, switch_to(true));
    EXPECT_TRUE(is_on());
    if (is_done(ask(request("POST", "/api/company_dispatch/rl/toggle", off), n, more), 200)) {
      EXPECT_FALSE(is_on());
    }
    expect(200, switch_to(false));
    EXPECT_FALSE(is_on());
    EXPECT_FALSE(world_.server().is_forced_off(1)) << "the row says it now";
  });
  expect_order();
}

TEST_F(OutOfMemory, a_stream_tells_everything_or_ends) {
  int happened = 0;
  auto const happen = [&] {
    ++happened;
    world_.write([&](store::Transaction& tx) -> Status {
      world_.server().tell(tx, 1, "x", Json::object(), world_.now());
      return ok();
    });
  };
  happen();
  at_every_allocation([&](std::int64_t n, std::int64_t more) {
    std::int64_t const last = world_.read(
        [](store::Transaction& tx) -> Result<std::int64_t> { return store::events_after(tx, 1, 0, 1).last; });
    auto const response = ask(request("GET", fmt::format("/api/v1/companies/1/events?after={}", last - 1)), n, more);
    if (!is_done(response, 200)) return;
    EventStream& stream = *response->events;
    happen();
    std::string text;
    auto const patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    bool is_told = false, has_ended = false;
    while (!is_told && !has_ended && std::chrono::steady_clock::now() < patience) {
      EventStream::Taken const taken = stream.take(1 << 20);
      text += taken.text;
      has_ended = taken.ended;
      is_told = text.find(fmt::format("id: {}\n", last + 1)) != std::string::npos;
      if (!is_told && !has_ended) std::this_thread::yield();
    }
    EXPECT_TRUE(is_told || has_ended) << "a stream that is open and silent; it said " << text;
    if (is_told) {
      EXPECT_NE(text.find(fmt::format("id: {}\n", last)), std::string::npos) << text;
    }
    stream.abandon();
  });
  EXPECT_GT(happened, 2);
  expect_order();
}

std::size_t open_files() {
  std::size_t files = 0;
  for ([[maybe_unused]] auto const& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++files;
  return files;
}

// The same over a socket, where every thread of the listener meets the failures.
TEST_F(OutOfMemory, a_connection_is_answered_or_closed_and_the_next_one_is_let_in) {
  ASSERT_TRUE(world_.server().listen());
  std::uint16_t const port = world_.server().port();
  std::string const head = "Host: x\r\nAuthorization: Bearer " + token() + "\r\n";
  std::string const ride = a_ride(0).dump();
  std::string const read = "GET /api/v1/companies/1 HTTP/1.1\r\n" + head + "\r\n";
  std::string const write = "POST /api/v1/companies/1/bookings HTTP/1.1\r\n" + head +
                            fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", ride.size()) +
                            ride;
  EXPECT_EQ(
      [&] {
        Client client(port);
        client.send(read);
        return client.read_answer().status;
      }(),
      200);
  std::size_t const files = open_files();
  std::int64_t there = count("bookings", 1);
  for (std::string const& bytes : {read, write}) {
    for (std::int64_t const more : {0, 30}) {
      std::int64_t n = 1;
      for (bool is_over = false; !is_over; ++n) {
        SCOPED_TRACE(fmt::format("{}: allocations {} to {} fail", bytes.substr(0, 4), n, n + more));
        Client::Answer answer;
        {
          Failing const failing(n, more);
          Client client(port);
          client.send(bytes);
          answer = client.read_answer();
        }
        is_over = allocations < n || HasFailure();
        // 0: the connection is gone.
        int const usual = bytes == read ? 200 : 201;
        EXPECT_TRUE(answer.status == 0 || answer.status == usual || answer.status == 503) << answer.head;
        wait_for_writer();
        std::int64_t const now = count("bookings", 1);
        if (answer.status == 201) {
          EXPECT_EQ(now, there + 1);
        }
        if (answer.status == 503) {
          EXPECT_EQ(now, there);
        }
        there = now;
      }
      std::cout << "             " << n - 1 << " allocations" << std::endl;
      Client client(port);
      client.send(read);
      EXPECT_EQ(client.read_answer().status, 200);
    }
  }
  auto const patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (open_files() > files && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  EXPECT_LE(open_files(), files) << "connections were left open";
  expect_order();
}

}  // namespace
}  // namespace regulus::server
