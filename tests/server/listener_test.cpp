#include "server/http/listener.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/files.h"
#include "core/json.h"
#include "server/http/events.h"
#include "tests/server/framing_cases.h"
#include "tests/server/loopback_client.h"
#include "tests/support/sanitized.h"

namespace regulus::server {
namespace {

using std::chrono::milliseconds;

// Says what it was asked, so that a test can see what arrived.
void echo(Request&& request, Reply const& reply) {
  std::string text = request.method + " " + request.path + "\n" + request.body;
  reply({.content_type = "text/plain", .body = std::move(text)});
}

std::unique_ptr<Listener> listen(Handler handler, Listener::Options options = {}) {
  auto listener = Listener::open(std::move(options), std::move(handler));
  REGULUS_CHECK(listener);
  return listener.take();
}

std::string get(std::string_view path, std::string_view more = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n{}\r\n", path, more);
}
std::string post(std::string_view path, std::string_view body, std::string_view more = "") {
  return fmt::format("POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{}\r\n{}", path, body.size(), more, body);
}

std::string code_of(Client::Answer const& answer) {
  Result<Json> const json = parse_json(answer.body);
  return json && json->find("code") ? json->find("code")->as_string() : "none: " + answer.body;
}

// Waits for something another thread does; false if it does not come.
bool comes_true(std::function<bool()> const& condition) {
  auto const give_up = std::chrono::steady_clock::now() + milliseconds(patience_ms);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

// Replies that a test gives when it likes.
class Held {
 public:
  Handler handler() {
    return [this](Request&& request, Reply reply) {
      std::lock_guard const lock(mutex_);
      paths_.push_back(request.path);
      replies_.push_back(std::move(reply));
      changed_.notify_all();
    };
  }
  Reply take() {
    std::unique_lock lock(mutex_);
    bool const came = changed_.wait_for(lock, milliseconds(patience_ms), [this] { return !replies_.empty(); });
    REGULUS_CHECK(came);
    Reply reply = std::move(replies_.front());
    replies_.erase(replies_.begin());
    return reply;
  }
  std::vector<std::string> paths() {
    std::lock_guard const lock(mutex_);
    return paths_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Reply> replies_;
  std::vector<std::string> paths_;
};

TEST(Listener, answers_and_keeps_the_connection) {
  auto const listener = listen(echo);
  Client client(listener->port());
  client.send(get("/a"));
  Client::Answer const first = client.read_answer();
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "GET /a\n");
  EXPECT_EQ(first.header("Connection"), "");
  client.send(post("/b", "body"));
  EXPECT_EQ(client.read_answer().body, "POST /b\nbody");
  EXPECT_EQ(listener->counts().connections, 1);
  EXPECT_EQ(listener->counts().requests, 2);
}

TEST(Listener, gives_the_handler_the_request_as_it_was_and_a_fresh_id) {
  std::vector<Request> got;
  auto const listener = listen([&](Request&& request, Reply const& reply) {
    got.push_back(request);
    reply({.status = 204});
  });
  Client client(listener->port());
  client.send(post("/x%20y?q=1", std::string("a\0b", 3), "X-Request-Id: mine\r\nAccept: */*\r\n"));
  Client::Answer const answer = client.read_answer();
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("Content-Length"), "");
  client.send(get("/"));
  client.read_answer();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].path, "/x y");
  EXPECT_EQ(got[0].query, (Pairs{{"q", "1"}}));
  EXPECT_EQ(*got[0].header("accept"), "*/*");
  EXPECT_EQ(got[0].body, std::string("a\0b", 3));
  EXPECT_EQ(got[0].peer, "127.0.0.1");
  EXPECT_EQ(got[0].id, answer.header("X-Request-Id"));
  EXPECT_TRUE(got[0].id.starts_with("req_") && got[0].id.size() == 20) << got[0].id;
  EXPECT_NE(got[0].id, got[1].id);
  EXPECT_EQ(got[1].body, "");
}

TEST(Listener, puts_the_headers_of_security_on_every_response_unless_it_has_its_own) {
  auto const listener = listen([](Request&& request, Reply const& reply) {
    Response response{.content_type = "text/plain", .body = "x"};
    if (request.path == "/page")
      response.headers = {{"content-security-policy", "default-src 'self'"}, {"X-Note", "a\r\nSet-Cookie: evil"}};
    reply(std::move(response));
  });
  Client client(listener->port());
  client.send(get("/"));
  Client::Answer const plain = client.read_answer();
  EXPECT_EQ(plain.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(plain.header("Cache-Control"), "no-store");
  EXPECT_EQ(plain.header("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(plain.header("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'");
  EXPECT_EQ(plain.header("Date").size(), 29U);
  client.send(get("/page"));
  Client::Answer const page = client.read_answer();
  EXPECT_EQ(page.header("content-security-policy"), "default-src 'self'");
  EXPECT_EQ(page.header("Content-Security-Policy"), "");
  EXPECT_EQ(page.header("Set-Cookie"), "") << page.head;
  EXPECT_EQ(page.header("X-Note"), "a  Set-Cookie: evil");
  client.send("nonsense\r\n\r\n");
  EXPECT_EQ(client.read_answer().header("X-Content-Type-Options"), "nosniff");
}

TEST(Listener, answers_head_with_the_length_and_without_the_body) {
  auto const listener = listen(echo);
  Client client(listener->port());
  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n" + get("/b"));
  Client::Answer const head = client.read_answer(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "8");  // "HEAD /a\n"
  EXPECT_EQ(client.read_answer().body, "GET /b\n");
}

TEST(Listener, answers_requests_that_were_sent_ahead_in_their_order) {
  auto const listener = listen(echo);
  Client client(listener->port());
  std::string ahead;
  for (int i = 0; i < 50; ++i) ahead += post("/" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'));
  client.send(ahead);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.read_answer().body, fmt::format("POST /{}\n{}", i, std::string(static_cast<std::size_t>(i), 'x')));
  }
}

TEST(Listener, handles_the_next_request_only_after_the_answer_to_the_last) {
  Held held;
  auto const listener = listen(held.handler());
  Client client(listener->port());
  client.send(get("/first") + get("/second"));
  Reply const first = held.take();
  EXPECT_EQ(held.paths(), (std::vector<std::string>{"/first"}));
  first({.body = "1"});
  held.take()({.body = "2"});
  EXPECT_EQ(client.read_answer().body, "1");
  EXPECT_EQ(client.read_answer().body, "2");
}

TEST(Listener, takes_one_answer_from_any_thread_and_drops_the_second) {
  Held held;
  auto const listener = listen(held.handler());
  Client client(listener->port());
  client.send(get("/") + get("/"));
  Reply const first = held.take();
  std::thread([&] {
    first({.body = "once"});
    first({.body = "twice"});
  }).join();
  EXPECT_EQ(client.read_answer().body, "once");
  Reply const second = held.take();
  first({.body = "thrice"});
  second({.body = "next"});
  EXPECT_EQ(client.read_answer().body, "next");
}

TEST(Listener, answers_500_for_a_handler_that_throws_or_forgets) {
  auto const listener = listen([](Request&& request, Reply const&) {
    if (request.path == "/throw") throw std::runtime_error("secret");
  });
  Client client(listener->port());
  for (char const* const path : {"/throw", "/forget", "/throw"}) {
    client.send(get(path, "Accept-Language: fr\r\n"));
    Client::Answer const answer = client.read_answer();
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_EQ(code_of(answer), "internal");
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
    EXPECT_EQ(answer.header("Content-Language"), "fr");
  }
}

TEST(Listener, answers_every_framing_case_as_the_table_says_and_closes) {
  auto const listener = listen(echo);
  for (FramingCase const& c : framing_cases()) {
    Client client(listener->port());
    client.send(c.bytes);
    Client::Answer const answer = client.read_answer();
    EXPECT_EQ(answer.status, c.status) << c.name;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << c.name;
    EXPECT_EQ(answer.header("Connection"), "close") << c.name;
    EXPECT_TRUE(client.is_closed()) << c.name;
  }
  EXPECT_EQ(listener->counts().requests, 0);
  EXPECT_EQ(listener->counts().refused, static_cast<std::int64_t>(framing_cases().size()));
}

TEST(Listener, answers_a_request_that_comes_byte_by_byte_as_one_that_comes_whole) {
  auto const listener = listen(echo);
  Client client(listener->port());
  for (char const byte : post("/slow", "abc")) ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
  EXPECT_EQ(client.read_answer().body, "POST /slow\nabc");
}

TEST(Listener, asks_for_the_limit_of_the_route_and_refuses_before_the_body_is_sent) {
  Listener::Options options;
  options.body_limit = [](std::string_view method, std::string_view path) {
    return method == "POST" && path == "/import" ? 200'000 : 10;
  };
  auto const listener = listen(echo, options);
  Client importer(listener->port());
  std::string const large(200'000, 'x');
  importer.send(post("/import", large));
  EXPECT_EQ(importer.read_answer().body.size(), 13 + large.size());  // "POST /import\n"
  Client other(listener->port());
  other.send("POST /other HTTP/1.1\r\nHost: h\r\nAccept-Language: fr\r\nContent-Length: 11\r\n\r\n");
  Client::Answer const answer = other.read_answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(parse_json(answer.body)->find("detail")->as_string(), "Le corps peut compter 10 octets au plus.");
}

TEST(Listener, takes_no_more_large_bodies_at_once_than_there_is_room_for) {
  Listener::Options options;
  options.body_limit = [](std::string_view, std::string_view) { return 100'000; };
  options.most_large_bodies = 250'000;
  auto const listener = listen(echo, options);
  std::string const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n";
  Client first(listener->port()), fourth(listener->port());
  {
    Client second(listener->port()), third(listener->port());
    for (Client* const client : {&first, &second}) {
      client->send(head);
      EXPECT_EQ(client->read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    }
    third.send(head);
    EXPECT_EQ(third.read_answer().status, 503);
  }
  first.send(std::string(100'000, 'x'));  // whole, and its room is free again
  EXPECT_EQ(first.read_answer().status, 200);
  ASSERT_TRUE(comes_true([&] { return listener->counts().open == 2; })) << "and so is that of one that left";
  first.send(head);
  fourth.send(head);
  EXPECT_EQ(first.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(fourth.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(Listener, invites_the_body_of_a_client_that_waits_for_it) {
  auto const listener = listen(echo);
  Client client(listener->port());
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_EQ(client.read_answer().body, "POST /a\nok");
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 99999\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 413) << "and not invited";
}

// --- what is told of refusals

// What the door tells, as "reason status request".
class Told {
 public:
  Listener::Options in(Listener::Options options) {
    options.on_refused = [this](Refused const& refused) {
      std::lock_guard const lock(mutex_);
      lines_.push_back(fmt::format("{} {} {}", name_of(refused.why), refused.status, refused.request_id));
    };
    return options;
  }
  // Waits until there are so many.
  std::vector<std::string> take(std::size_t count) {
    EXPECT_TRUE(comes_true([&] {
      std::lock_guard const lock(mutex_);
      return lines_.size() >= count;
    }));
    std::lock_guard const lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST(ListenerRefusals, are_told_with_their_reason_and_the_id_of_the_answer) {
  Told told;
  Listener::Options options;
  options.head_deadline = options.body_deadline = milliseconds(60);
  options.body_limit = [](std::string_view, std::string_view) { return 100'000; };
  options.most_large_bodies = 80'000;
  auto const listener = listen(echo, told.in(options));
  struct Case {
    std::string reason, bytes;
    int status = 0;
  };
  std::string const long_word(9'000, 'x');
  for (Case const& c : {
           Case{"missing_host", "GET / HTTP/1.1\r\n\r\n", 400},
           Case{"transfer_encoding", get("/", "Transfer-Encoding: chunked\r\n"), 400},
           Case{"target_too_long", get("/" + long_word), 414},
           Case{"head_too_long", get("/", "X: " + long_word + "\r\n"), 431},
           Case{"version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
           Case{"body_too_large", get("/", "Content-Length: 100001\r\n"), 413},
           Case{"no_room_for_bodies", get("/", "Content-Length: 80001\r\n"), 503},
           Case{"head_timeout", "GET / HTTP/1.1\r\n", 408},
           Case{"body_timeout", get("/", "Content-Length: 5\r\n"), 408},
       }) {
    Client client(listener->port());
    client.send(c.bytes);
    Client::Answer const answer = client.read_answer();
    EXPECT_EQ(told.take(1), std::vector{fmt::format("{} {} {}", c.reason, c.status, answer.header("X-Request-Id"))});
  }
  Client client(listener->port());
  client.send(get("/"));
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_TRUE(told.take(0).empty()) << "what is answered by the handler is no refusal";
}

TEST(ListenerRefusals, tell_of_connections_that_are_turned_away) {
  Told told;
  Listener::Options options;
  options.most_connections = 1;
  auto const listener = listen(echo, told.in(options));
  Client const first(listener->port());
  ASSERT_TRUE(comes_true([&] { return listener->counts().open == 1; }));
  Client second(listener->port());
  Client::Answer const answer = second.read_answer();
  EXPECT_EQ(told.take(1), std::vector{"too_many_connections 503 " + answer.header("X-Request-Id")});
}

TEST(ListenerRefusals, are_answered_even_if_whoever_is_told_throws) {
  Listener::Options options;
  options.on_refused = [](Refused const&) { throw std::runtime_error("no memory"); };
  auto const listener = listen(echo, options);
  for (int i = 0; i < 2; ++i) {
    Client client(listener->port());
    client.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 400);
  }
}

// --- deadlines
// --------------------------------------------------------------------------------------------------------

// Sends a byte every few milliseconds until the other side says something; false if it took them for ten seconds.
bool drips_until_answered(Client const& client, std::string_view byte) {
  auto const give_up = std::chrono::steady_clock::now() + milliseconds(patience_ms);
  while (std::chrono::steady_clock::now() < give_up) {
    client.send(byte);
    if (client.has_news(5)) return true;
  }
  return false;
}

TEST(ListenerDeadline, for_a_head_is_not_extended_by_a_byte_now_and_then) {
  Listener::Options options;
  options.head_deadline = milliseconds(60);
  auto const listener = listen(echo, options);
  Client client(listener->port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
  ASSERT_TRUE(drips_until_answered(client, "x"));
  Client::Answer const answer = client.read_answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(code_of(answer), "request-timeout");
  EXPECT_EQ(answer.header("Connection"), "close");
}

TEST(ListenerDeadline, for_a_head_holds_for_every_request_of_a_connection) {
  Listener::Options options;
  options.head_deadline = milliseconds(60);
  auto const listener = listen(echo, options);
  Client client(listener->port());
  client.send(get("/") + "GET / HTTP/1.1\r\nX: ");
  EXPECT_EQ(client.read_answer().status, 200);
  ASSERT_TRUE(drips_until_answered(client, "x"));
  EXPECT_EQ(client.read_answer().status, 408);
}

TEST(ListenerDeadline, for_a_body_is_not_extended_by_a_byte_now_and_then) {
  Listener::Options options;
  options.body_deadline = milliseconds(60);
  auto const listener = listen(echo, options);
  Client client(listener->port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nAccept-Language: fr\r\nContent-Length: 60000\r\n\r\n");
  ASSERT_TRUE(drips_until_answered(client, "x"));
  Client::Answer const answer = client.read_answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.header("Content-Language"), "fr");
  EXPECT_EQ(listener->counts().requests, 0);
}

TEST(ListenerDeadline, closes_whoever_says_nothing_without_a_word) {
  Listener::Options options;
  options.head_deadline = milliseconds(30);
  options.idle_deadline = milliseconds(30);
  auto const listener = listen(echo, options);
  Client silent(listener->port());
  EXPECT_TRUE(silent.is_closed());
  Client idle(listener->port());
  idle.send(get("/"));
  EXPECT_EQ(idle.read_answer().status, 200);
  EXPECT_TRUE(idle.is_closed());
}

TEST(ListenerDeadline, closes_whoever_does_not_take_his_answer) {
  Listener::Options options;
  options.write_deadline = milliseconds(50);
  auto const listener =
      listen([](Request&&, Reply const& reply) { reply({.body = std::string(16 << 20, 'x')}); }, options);
  Client client;
  client.receive_at_most(4096);
  client.connect(listener->port());
  client.send(get("/"));
  EXPECT_TRUE(comes_true([&] { return listener->counts().requests == 1 && listener->counts().open == 0; }));
}

TEST(Listener, sends_a_large_answer_whole) {
  std::string large(3'000'001, 'x');
  large += "end";
  auto const listener = listen([&](Request&&, Reply const& reply) { reply({.body = large}); });
  Client client(listener->port());
  client.send(get("/") + get("/"));
  EXPECT_TRUE(client.read_answer().body.ends_with("xend"));
  EXPECT_EQ(client.read_answer().body.size(), 3'000'004U);
}

// --- many, too many
// ---------------------------------------------------------------------------------------------------

TEST(Listener, answers_an_honest_request_among_two_hundred_that_say_nothing_or_half) {
  auto const listener = listen(echo);
  std::vector<Client> others;
  for (int i = 0; i < 200; ++i) {
    others.emplace_back(listener->port());
    if (i % 2 == 0) others.back().send("POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\nx");
  }
  ASSERT_TRUE(comes_true([&] { return listener->counts().open == 200; }));
  Client honest(listener->port());
  honest.send(get("/"));
  EXPECT_EQ(honest.read_answer().status, 200);
  EXPECT_EQ(listener->counts().open, 201);
  others.clear();
  EXPECT_TRUE(comes_true([&] { return listener->counts().open == 1; })) << "all are given back when they leave";
}

std::int64_t resident_bytes() {
  Result<std::string> const status = read_file("/proc/self/status");
  REGULUS_CHECK(status);
  return std::stol(status->substr(status->find("VmRSS:") + 6)) * 1024;
}

TEST(Listener, holds_no_more_of_what_is_too_large_than_its_limits) {
  if (is_sanitized) GTEST_SKIP() << "a sanitizer keeps what was given back";
  auto const listener = listen(echo);
  std::string const target = "GET /" + std::string(200'000, 'a');
  std::string const headers = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(200'000, 'a');
  std::string const body = post("/", std::string(200'000, 'a'));
  auto const send_everything = [&] {
    std::vector<Client> clients;
    for (int i = 0; i < 200; ++i) {
      clients.emplace_back(listener->port());
      clients.back().send(i % 3 == 0 ? target : i % 3 == 1 ? headers : body);
    }
    for (int i = 0; i < 200; ++i) {
      EXPECT_EQ(clients[static_cast<std::size_t>(i)].read_answer().status, i % 3 == 0 ? 414 : i % 3 == 1 ? 431 : 413);
    }
  };
  std::int64_t const before = resident_bytes();
  send_everything();
  // 200 connections of 4 KiB and a head of 12 KiB at most each are 3.2 MB; what was sent is 40 MB.
  EXPECT_LT(resident_bytes() - before, 10'000'000);
}

TEST(Listener, turns_away_more_connections_than_it_may_have_and_comes_back) {
  Listener::Options options;
  options.most_connections = 2;
  auto const listener = listen(echo, options);
  {
    Client const first(listener->port()), second(listener->port());
    ASSERT_TRUE(comes_true([&] { return listener->counts().open == 2; }));
    Client third(listener->port());
    Client::Answer const answer = third.read_answer();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("Retry-After"), "2");
    EXPECT_EQ(listener->counts().turned_away, 1);
  }
  ASSERT_TRUE(comes_true([&] { return listener->counts().open == 0; }));
  Client later(listener->port());
  later.send(get("/"));
  EXPECT_EQ(later.read_answer().status, 200);
}

TEST(Listener, neither_stops_nor_spins_when_there_are_no_descriptors) {
  Listener::Options options;
  options.accept_pause = milliseconds(10);
  auto const listener = listen(echo, options);
  // What the undefined-behaviour sanitizer sees for the first time it looks at through a pipe: later there is none.
  Client first(listener->port());
  first.send(get("/"));
  EXPECT_EQ(first.read_answer().status, 200);
  Client client;  // has its descriptor before the rest are gone
  int const highest = ::dup(0);
  ASSERT_GE(highest, 0);
  ::close(highest);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(highest);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto const start = std::chrono::steady_clock::now();
  client.connect(listener->port());
  client.send(get("/"));
  bool const paused = comes_true([&] { return listener->counts().accept_pauses >= 3; });
  std::int64_t const pauses = listener->counts().accept_pauses;
  auto const time = std::chrono::steady_clock::now() - start;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(paused);
  EXPECT_LE(pauses, time / options.accept_pause + 1);
  EXPECT_EQ(client.read_answer().status, 200);
}

// --- stopping
// ---------------------------------------------------------------------------------------------------------

TEST(ListenerStop, lets_what_is_in_flight_finish_and_closes_the_rest) {
  Held held;
  Listener::Options options;
  options.threads = 1;  // so that both are told to drain before the answer is written
  auto const listener = listen(held.handler(), options);
  Client idle(listener->port()), busy(listener->port());
  busy.send(get("/"));
  Reply const reply = held.take();
  std::thread stopping([&] { listener->stop(); });
  EXPECT_TRUE(idle.is_closed());
  reply({.body = "done"});
  Client::Answer const answer = busy.read_answer();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(busy.is_closed());
  stopping.join();
  EXPECT_EQ(listener->counts().open, 0);
}

TEST(ListenerStop, waits_no_longer_than_it_was_told) {
  Held held;
  Listener::Options options;
  options.drain = milliseconds(30);
  auto listener = listen(held.handler(), options);
  Client client(listener->port());
  client.send(get("/"));
  Reply const late = held.take();
  listener->stop();
  EXPECT_TRUE(client.is_closed());
  late({.body = "nobody"});
  listener.reset();
  late({.body = "nobody at all"});
}

TEST(ListenerStop, gives_the_port_back) {
  auto listener = listen(echo);
  Listener::Options again;
  again.port = listener->port();
  EXPECT_EQ(Listener::open(again, echo).error().kind, ErrorKind::io);
  listener.reset();
  EXPECT_TRUE(Listener::open(again, echo));
}

TEST(Listener, refuses_options_that_are_none) {
  Listener::Options name;
  name.address = "localhost";
  EXPECT_EQ(Listener::open(name, echo).error().kind, ErrorKind::invalid);
  Listener::Options threads;
  threads.threads = 0;
  EXPECT_EQ(Listener::open(threads, echo).error().kind, ErrorKind::invalid);
  Listener::Options time;
  time.head_deadline = milliseconds(0);
  EXPECT_EQ(Listener::open(time, echo).error().message, "head_deadline = 0 ms; 1 is the least");
  Listener::Options elsewhere;
  elsewhere.address = "192.0.2.1";  // RFC 5737: nobody's
  EXPECT_EQ(Listener::open(elsewhere, echo).error().kind, ErrorKind::io);
}

// --- event streams
// ----------------------------------------------------------------------------------------------------

struct Streaming {
  std::shared_ptr<EventStream> stream = std::make_shared<EventStream>();
  std::unique_ptr<Listener> listener;
  explicit Streaming(Listener::Options options = {}) {
    listener = listen([this](Request&&, Reply const& reply) { reply({.events = stream}); }, std::move(options));
  }
};

TEST(ListenerEvents, are_written_as_they_are_pushed_from_another_thread) {
  Streaming s;
  Client client(s.listener->port());
  s.stream->push("0", "early", "before anybody asked");
  client.send(get("/events"));
  Client::Answer const head = client.read_answer();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(head.header("Cache-Control"), "no-store");
  EXPECT_EQ(head.header("X-Accel-Buffering"), "no");
  EXPECT_EQ(head.header("Connection"), "close");
  EXPECT_EQ(client.read_until("\n\n"), "retry: 3000\n\n");
  EXPECT_EQ(client.read_until("\n\n"), event_text("0", "early", "before anybody asked"));
  std::thread pushing([&] {
    for (int i = 1; i <= 1000; ++i) s.stream->push(std::to_string(i), "tick", "x");
    s.stream->close();
  });
  for (int i = 1; i <= 1000; ++i) ASSERT_EQ(client.read_until("\n\n"), event_text(std::to_string(i), "tick", "x"));
  pushing.join();
  EXPECT_TRUE(client.is_closed());
}

TEST(ListenerEvents, that_are_silent_are_kept_alive_by_comments) {
  Listener::Options options;
  options.heartbeat = milliseconds(10);
  Streaming s(options);
  Client client(s.listener->port());
  client.send(get("/events"));
  client.read_until("retry: 3000\n\n");
  EXPECT_EQ(client.read_until("\n\n"), ":\n\n");
  EXPECT_EQ(client.read_until("\n\n"), ":\n\n");
}

TEST(ListenerEvents, end_for_a_slow_reader_with_a_reset_and_never_make_the_pusher_wait) {
  Streaming s;
  Client slow;
  slow.receive_at_most(4096);
  slow.connect(s.listener->port());
  slow.send(get("/events"));
  slow.read_until("retry: 3000\n\n");
  // The system's own buffers swallow a few megabytes before the queue begins to grow.
  std::string const data(10'000, 'x');
  int pushed = 0;
  while (pushed < 10'000 && s.stream->push("1", "a", data)) ++pushed;
  EXPECT_LT(pushed, 10'000);
  EXPECT_FALSE(s.stream->is_open());
  // What had left the queue before arrives whole, then the reset and nothing else.
  std::string const event = event_text("1", "a", data), reset = event_text("", "reset", "");
  std::string const rest = slow.read_all();
  ASSERT_TRUE(rest.ends_with(reset)) << rest.size() << " bytes";
  std::size_t const before = rest.size() - reset.size();
  EXPECT_EQ(before % event.size(), 0U);
  for (std::size_t at = 0; at < before; at += event.size()) EXPECT_EQ(rest.substr(at, event.size()), event);
}

TEST(ListenerEvents, end_for_a_reader_who_takes_nothing) {
  Listener::Options options;
  options.write_deadline = milliseconds(50);
  Streaming s(options);
  Client client;
  client.receive_at_most(4096);
  client.connect(s.listener->port());
  client.send(get("/events"));
  client.read_until("retry: 3000\n\n");
  // Never more than one event waits, so it is not the queue that ends the stream.
  auto const has_gone = [&] { return s.listener->counts().open == 0; };
  while (!has_gone()) {
    s.stream->push("1", "a", std::string(100'000, 'x'));
    ASSERT_TRUE(comes_true([&] { return s.stream->queued() == 0 || has_gone(); }));
  }
  EXPECT_FALSE(s.stream->is_open());
}

TEST(ListenerEvents, tell_who_pushes_that_the_client_has_gone) {
  Streaming s;
  {
    Client client(s.listener->port());
    client.send(get("/events"));
    client.read_until("retry: 3000\n\n");
  }
  EXPECT_TRUE(comes_true([&] { return !s.stream->is_open(); }));
}

TEST(ListenerEvents, end_when_the_listener_stops) {
  Streaming s;
  Client client(s.listener->port());
  client.send(get("/events"));
  client.read_until("retry: 3000\n\n");
  s.listener->stop();
  EXPECT_TRUE(client.is_closed());
  EXPECT_FALSE(s.stream->push("1", "a", "x"));
}

TEST(ListenerEvents, are_not_begun_for_head) {
  Streaming s;
  Client client(s.listener->port());
  client.send("HEAD /events HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read_answer().header("Content-Type"), "text/event-stream");
  EXPECT_TRUE(client.is_closed());
  EXPECT_FALSE(s.stream->is_open());
}

}  // namespace
}  // namespace regulus::server
