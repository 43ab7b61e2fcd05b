// A whole server without sockets: its own database in a folder that vanishes, a clock that stands until a test turns
// it, and chance that repeats. Requests go through Server::ask, so everything a client meets is there except the bytes.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/rng.h"
#include "server/http/target.h"
#include "server/server.h"
#include "store/companies.h"
#include "store/model_registry.h"
#include "tests/store/support.h"

namespace regulus::server {

// 2026-03-02 08:00 UTC, a Monday.
inline constexpr Instant monday_morning = 1'772'438'400'000'000;

// What a request says beyond method and target.
struct Say {
  std::string token = {};  // the secret; "": no Authorization header
  std::optional<Json> json = {};
  std::optional<std::string> bytes = {};  // in place of json
  std::string content_type = "application/json";
  Pairs headers = {};  // names in lower case
};

class ServerUnderTest {
 public:
  // `change` may turn any option before the server opens.
  explicit ServerUnderTest(std::function<void(Server::Options&)> const& change = {}) {
    Server::Options options;
    options.database = folder_.file("serve.db");
    options.models = folder_.file("models");
    options.clock = [this] { return now_.load(); };
    options.monotonic_ns = [this] { return 1'000 * (now_.load() - monday_morning); };
    options.random = [this](std::span<std::uint8_t> bytes) {
      std::unique_lock const lock(random_mutex_);
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_.next() >> 56);
    };
    // A test asks as often as it likes; what limits do is another test's affair.
    options.callers = {.burst = 1'000'000, .per_second = 1'000'000};
    options.strangers = {.burst = 1'000'000, .per_second = 1'000'000};
    options.improve_iterations = 0;
    // Whoever holds a reader of the database and asks for another waits for himself: with one reader, at once.
    options.store.readers = 1;
    if (change) change(options);
    Result<std::unique_ptr<Server>> server = Server::open(std::move(options));
    if (!server) {
      ADD_FAILURE() << server.error().message;
      return;
    }
    server_ = server.take();
    administrator_ = token(every_scope());
  }

  Server& server() { return *server_; }
  std::filesystem::path folder() const { return folder_.path(); }
  Instant now() const { return now_.load(); }
  void advance(Instant microseconds) { now_ += microseconds; }

  // Runs a job and expects it to be committed.
  template <class Work>
  auto write(Work work) {
    auto answer = server_->database().write_and_wait(std::move(work));
    if (!answer) ADD_FAILURE() << answer.error().message;
    return answer.take();
  }
  template <class Work>
  auto read(Work work) {
    auto answer = server_->database().read(std::move(work));
    if (!answer) ADD_FAILURE() << answer.error().message;
    return answer.take();
  }

  // `companies`: none is all of them.
  store::IssuedToken issue(std::vector<std::string> const& scopes,
                           std::optional<std::vector<std::int64_t>> const& companies = {},
                           std::optional<Instant> expires = {}) {
    return write([&](store::Transaction& tx) {
      return store::create_token(
          tx, {.name = "test", .scopes = scopes, .companies = companies, .expires_us = expires, .created_by = "test"},
          now(), server_->random());
    });
  }
  std::string token(std::vector<std::string> const& scopes,
                    std::optional<std::vector<std::int64_t>> const& companies = {}) {
    return issue(scopes, companies).secret;
  }
  static std::vector<std::string> every_scope() { return all_scopes(); }
  // May do everything, everywhere.
  std::string const& administrator() const { return administrator_; }

  store::Company company(std::int64_t id, bool is_test = false) {
    return write([&](store::Transaction& tx) {
      return store::add_company(
          tx, {.id = id, .name = fmt::format("Company {}", id), .time_zone = "Europe/Zurich", .is_test = is_test},
          now());
    });
  }

  // A registered model without a file, in whose place a policy of the test answers (Server::replace_candidate).
  // Its SHA-256 is of one digit only.
  std::string model(char digit = 'a', Json const& gate = {}) {
    store::RegisteredModel const wanted{
        .name = "candidate", .sha256 = std::string(64, digit), .path = "nowhere", .gate = gate};
    return write([&](store::Transaction& tx) { return store::add_model(tx, wanted, now(), server_->entropy()); }).id;
  }

  // `target` as it stands in a request line: "/api/v1/jobs?limit=2".
  Response ask(std::string const& method, std::string const& target, Say const& say = {}) {
    return server_->ask(request_of(method, target, say));
  }
  // The same without waiting for the answer.
  std::future<Response> ask_ahead(std::string const& method, std::string const& target, Say const& say = {}) {
    auto const answered = std::make_shared<std::promise<Response>>();
    server_->handle(request_of(method, target, say),
                    [answered](Response response) { answered->set_value(std::move(response)); });
    return answered->get_future();
  }
  Request request_of(std::string const& method, std::string const& target, Say const& say = {}) {
    auto read = read_target(target);
    if (!std::holds_alternative<Target>(read)) {
      ADD_FAILURE() << target << " is no target";
      return {};
    }
    Target& t = std::get<Target>(read);
    Request request;
    request.method = method;
    request.path = t.path;
    request.query = t.query;
    request.headers = say.headers;
    request.peer = "127.0.0.1";
    request.id = fmt::format("req_{}", ++requests_);
    if (!say.token.empty()) request.headers.emplace_back("authorization", "Bearer " + say.token);
    if (say.json || say.bytes) {
      request.headers.emplace_back("content-type", say.content_type);
      request.body = say.bytes ? *say.bytes : say.json->dump();
    }
    return request;
  }
  Response get(std::string const& target, std::string const& secret) { return ask("GET", target, {.token = secret}); }
  Response post(std::string const& target, std::string const& secret, Json json, Pairs headers = {}) {
    return ask("POST", target, {.token = secret, .json = std::move(json), .headers = std::move(headers)});
  }

  // SHA-256 over every row of every table, the trail of changes included: equal digests, nothing was written. What a
  // request may leave behind however it ends is left out: the hour in which a token was last used.
  std::string digest() {
    return read([&](store::Transaction& tx) -> Result<std::string> {
      std::vector<std::string> tables = tx.tables();
      std::ranges::sort(tables);
      std::string all;
      for (std::string const& table : tables) {
        std::string columns;
        tx.query("SELECT name FROM pragma_table_info(?) ORDER BY cid", {table}, [&](store::Row const& row) {
          if (row.text(0) == "last_used") return;
          columns += fmt::format("{}quote(\"{}\")", columns.empty() ? "" : " || ',' || ", row.text(0));
        });
        all += fmt::format("{}:\n", table);
        tx.query(fmt::format("SELECT {} FROM \"{}\" ORDER BY 1", columns, table), {},
                 [&](store::Row const& row) { all += row.text(0) + "\n"; });
      }
      return store::hex_of(store::sha256(all));
    });
  }

 private:
  store::TemporaryFolder folder_;
  std::atomic<Instant> now_{monday_morning};
  std::mutex random_mutex_;
  Rng random_{20260302};
  int requests_ = 0;
  std::string administrator_;
  std::unique_ptr<Server> server_;  // last: it ends before what it uses
};

// A job that keeps the writer until it is let go, as a large import does.
class BusyWriter {
 public:
  explicit BusyWriter(Server& server) {
    server.database().write(
        [this](store::Transaction&) {
          begun_.set_value();
          free_.get_future().wait();
          return ok();
        },
        [ended = ended_](Status const&) { ended->set_value(); });
    begun_.get_future().wait();
  }
  BusyWriter(BusyWriter const&) = delete;
  BusyWriter& operator=(BusyWriter const&) = delete;
  ~BusyWriter() { let_go(); }
  void let_go() {
    if (std::exchange(is_free_, true)) return;
    free_.set_value();
    ended_->get_future().wait();
  }

 private:
  std::promise<void> begun_, free_;
  // Shared, since the writer may still be inside set_value when who waits for it goes on.
  std::shared_ptr<std::promise<void>> ended_ = std::make_shared<std::promise<void>>();
  bool is_free_ = false;
};

inline Json json_of(Response const& response) {
  Result<Json> json = parse_json(response.body);
  if (!json) {
    ADD_FAILURE() << response.status << " " << response.body << ": " << json.error().message;
    return {};
  }
  return json.take();
}
inline std::string text_at(Json const& json, std::string_view key) {
  Json const* const member = json.find(key);
  return member != nullptr && member->is_string() ? member->as_string() : "";
}
// The problem's code of a refusal: "not-found"; "" for what is none.
inline std::string problem_of(Response const& response) {
  if (response.content_type != "application/problem+json") return "";
  return text_at(json_of(response), "code");
}
inline std::string header_of(Response const& response, std::string_view name) {
  std::string const* const value = find_value(response.headers, name);
  return value == nullptr ? "" : *value;
}

}  // namespace regulus::server
