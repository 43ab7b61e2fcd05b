// Any request to any operation by somebody who may do everything: "METHOD TARGET\nBODY". Whatever it says, the answer
// is one that the interface may give: no 5xx (503 when too much waits), JSON where JSON is said, a problem that has its
// members. Bodies are sent as what the operation wants, so that they reach what reads them.
//
// A server lives for many inputs, since opening one takes longer than a thousand answers; an input that fails may need
// those before it.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/rng.h"
#include "server/http/target.h"
#include "server/server.h"
#include "store/companies.h"

namespace {

using namespace regulus;
using namespace regulus::server;

constexpr int inputs_for_one = 2'000;

class World {
 public:
  World() {
    // Memory where there is some: nothing here has to outlive the process.
    std::filesystem::path const memory = "/dev/shm";
    std::error_code problem;
    bool const there = std::filesystem::is_directory(memory, problem);
    folder_ = (there ? memory : std::filesystem::temp_directory_path()) / ("regulus-fuzz-" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_, problem);
    Server::Options options;
    options.database = folder_ / "serve.db";
    options.models = folder_ / "models";
    options.store.synchronous = store::Database::Options::Synchronous::normal;
    options.clock = [this] { return now_ += 1'000; };
    options.random = [this](std::span<std::uint8_t> bytes) {
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_.next() >> 56);
    };
    options.callers = {.burst = 1'000'000, .per_second = 1'000'000};
    options.strangers = options.callers;
    options.improve_iterations = 1;
    Result<std::unique_ptr<Server>> opened = Server::open(std::move(options));
    REGULUS_CHECK(static_cast<bool>(opened));
    server_ = opened.take();
    auto const secret = server_->database().write_and_wait([&](store::Transaction& tx) -> Result<std::string> {
      auto const company =
          store::add_company(tx, {.id = 1, .name = "Fuzz", .time_zone = "Europe/Zurich", .is_test = true}, now_);
      if (!company) return company.error();
      auto const token = store::create_token(
          tx, {.name = "fuzz", .scopes = all_scopes(), .companies = {}, .expires_us = {}, .created_by = "fuzz"}, now_,
          server_->random());
      if (!token) return token.error();
      return token->secret;
    });
    REGULUS_CHECK(static_cast<bool>(secret));
    secret_ = *secret;
  }
  World(World const&) = delete;
  World& operator=(World const&) = delete;
  ~World() {
    server_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void ask(std::string_view line, std::string body) {
    std::size_t const space = line.find(' ');
    if (space == std::string_view::npos) return;
    auto target = read_target(line.substr(space + 1));
    if (!std::holds_alternative<Target>(target)) return;
    Request request;
    request.method = line.substr(0, space);
    request.path = std::get<Target>(target).path;
    request.query = std::get<Target>(target).query;
    request.peer = "127.0.0.1";
    request.id = "req_fuzz";
    request.headers = {{"authorization", "Bearer " + secret_}};
    if (!body.empty()) {
      bool const csv = request.path.ends_with("/import");
      request.headers.emplace_back("content-type", csv ? "text/csv" : "application/json");
    }
    request.body = std::move(body);
    bool const opens_stream = request.path.ends_with("/events");
    Response const response = server_->ask(std::move(request));
    if (opens_stream && response.events) response.events->abandon();
    REGULUS_CHECK(response.status < 500 || response.status == 503);
    bool const is_json = response.content_type.starts_with("application/json") ||
                         response.content_type.starts_with("application/problem+json");
    if (!is_json) return;
    Result<Json> const json = parse_json(response.body);
    REGULUS_CHECK(static_cast<bool>(json));
    if (response.status < 400) return;
    REGULUS_CHECK(json->find("code") != nullptr && json->find("title") != nullptr && json->find("status") != nullptr);
  }

 private:
  Instant now_ = 1'772'438'400'000'000;
  Rng random_{1};
  std::filesystem::path folder_;
  std::string secret_;
  std::unique_ptr<Server> server_;
};

World* world = nullptr;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static int inputs = 0;
  if (inputs++ % inputs_for_one == 0) {
    delete world;
    world = new World;
    // Registered after everything that a server makes for the whole process, so it ends before that does.
    if (inputs == 1) std::atexit([] { delete world; });
  }
  std::string_view const bytes(reinterpret_cast<char const*>(data), size);
  std::size_t const end = std::min(bytes.find('\n'), bytes.size());
  world->ask(bytes.substr(0, end), std::string(bytes.substr(std::min(end + 1, bytes.size()))));
  return 0;
}
