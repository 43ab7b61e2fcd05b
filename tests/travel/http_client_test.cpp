#include "travel/http_client.h"

#include "tests/travel/loopback_server.h"

namespace regulus::travel {
namespace {

using std::chrono::steady_clock;

steady_clock::time_point plenty() { return steady_clock::now() + std::chrono::minutes(2); }
steady_clock::time_point soon() { return steady_clock::now() + std::chrono::milliseconds(40); }

HttpClient client_of(LoopbackServer const& server) {
  Result<HttpClient> client = HttpClient::open(server.url());
  REGULUS_CHECK(client);
  return client.take();
}

// Asks once of a server that reads the request and then does `then`.
Result<HttpAnswer> ask(LoopbackServer::Talk const& then, steady_clock::time_point deadline) {
  LoopbackServer const server([&](Conversation& talk) {
    if (!talk.read_request().empty()) then(talk);
  });
  return client_of(server).get("/table", deadline);
}

std::string error_of(Result<HttpAnswer> const& answer) { return answer ? "an answer" : answer.error().message; }

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

TEST(Url, has_a_host_a_port_and_a_prefix) {
  EXPECT_EQ(*parse_url("http://roads"), (Url{.host = "roads", .port = 80, .prefix = ""}));
  EXPECT_EQ(*parse_url("http://127.0.0.1:5000/"), (Url{.host = "127.0.0.1", .port = 5000, .prefix = ""}));
  EXPECT_EQ(*parse_url("http://[::1]:5000/osrm/"), (Url{.host = "[::1]", .port = 5000, .prefix = "/osrm"}));
}

TEST(Url, that_is_none_is_refused_with_the_reason) {
  for (auto const& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"127.0.0.1:5000", "does not begin with http://"},
           {"https://roads", "encrypted"},
           {"http://", "names no host"},
           {"http://:80", "names no host"},
           {"http://roads:0", "port"},
           {"http://roads:65536", "port"},
           {"http://roads:", "port"},
           {"http://roads:80x", "port"},
           {"http://me@roads", "user name"},
           {"http://roads/?a=b", "query"},
           {"http://ro ads", "character"},
           {"http://roads\r\nX: y", "character"},
           {"http://[::1", "bracket"},
       }) {
    Result<Url> const url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_TRUE(contains(url.error().message, part)) << url.error().message;
    EXPECT_EQ(url.error().kind, ErrorKind::invalid);
  }
}

TEST(HttpClient, asks_with_prefix_host_and_body_and_gives_back_status_and_body) {
  std::string got, posted;
  LoopbackServer const server([&](Conversation& talk) {
    got = talk.read_request();
    talk.answer(200, "{\"code\":\"Ok\"}");
    posted = talk.read_request();
    talk.answer(400, "no");
  });
  Result<HttpClient> client = HttpClient::open(server.url() + "/osrm/");
  ASSERT_TRUE(client);
  Result<HttpAnswer> const first = client->get("/table/v1", plenty());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(first->body, "{\"code\":\"Ok\"}");
  Result<HttpAnswer> const second = client->post_json("/m", "[1]", plenty());
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->status, 400);
  EXPECT_TRUE(got.starts_with("GET /osrm/table/v1 HTTP/1.1\r\n")) << got;
  EXPECT_TRUE(contains(got, "Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n")) << got;
  EXPECT_TRUE(posted.starts_with("POST /osrm/m HTTP/1.1\r\n") && posted.ends_with("\r\n\r\n[1]")) << posted;
  EXPECT_EQ(client->connections_made(), 1);
}

TEST(HttpClient, keeps_a_connection_for_512_requests) {
  LoopbackServer const server([](Conversation& talk) {
    while (!talk.read_request().empty() && talk.answer(200, "x")) {
    }
  });
  HttpClient client = client_of(server);
  for (int i = 0; i < 513; ++i) ASSERT_TRUE(client.get("/", plenty())) << i;
  EXPECT_EQ(client.connections_made(), 2);
}

TEST(HttpClient, leaves_a_connection_that_the_server_wants_closed) {
  LoopbackServer const server([](Conversation& talk) {
    talk.read_request();
    talk.answer(200, "x", "Connection: close\r\n");
  });
  HttpClient client = client_of(server);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.get("/", plenty()));
  EXPECT_EQ(client.connections_made(), 3);
}

TEST(HttpClient, reads_an_answer_that_ends_with_the_connection_as_http_1_0_does) {
  Result<HttpAnswer> const answer =
      ask([](Conversation& talk) { talk.send("HTTP/1.0 200 OK\r\n\r\nwhole"); }, plenty());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "whole");
}

TEST(HttpClient, reads_an_answer_in_chunks) {
  Result<HttpAnswer> const answer = ask(
      [](Conversation& talk) {
        talk.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
      },
      plenty());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "abcde");
}

// What servers do with a kept connection after a few idle seconds.
TEST(HttpClient, opens_a_kept_connection_anew_when_the_server_closed_it_meanwhile) {
  LoopbackServer const server([](Conversation& talk) {
    talk.read_request();
    talk.answer(200, "x");  // and leaves, without having said so
  });
  HttpClient client = client_of(server);
  for (int i = 0; i < 5; ++i) {
    Result<HttpAnswer> const answer = client.get("/", plenty());
    ASSERT_TRUE(answer) << answer.error().message;
  }
  EXPECT_EQ(client.connections_made(), 5);
}

TEST(HttpClient, does_not_take_bytes_beyond_an_answer_for_the_next_one) {
  LoopbackServer const server([](Conversation& talk) {
    talk.read_request();
    talk.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
    talk.hang();
  });
  HttpClient client = client_of(server);
  for (int i = 0; i < 2; ++i) {
    Result<HttpAnswer> const answer = client.get("/", plenty());
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "a");
  }
  EXPECT_EQ(client.connections_made(), 2);
}

TEST(HttpClient, gives_up_at_the_deadline_when_the_server_hangs) {
  auto const answer = ask([](Conversation& talk) { talk.hang(); }, soon());
  EXPECT_TRUE(contains(error_of(answer), "did not answer in time")) << error_of(answer);
}

// Would never end if the deadline began anew with each byte.
TEST(HttpClient, gives_up_at_the_deadline_when_the_body_drips) {
  auto const body = ask(
      [](Conversation& talk) {
        talk.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        talk.drip("[");
      },
      soon());
  EXPECT_TRUE(contains(error_of(body), "did not answer in time")) << error_of(body);
}

TEST(HttpClient, gives_up_at_the_deadline_when_the_header_drips) {
  auto const header = ask(
      [](Conversation& talk) {
        talk.send("HTTP/1.1 200 OK\r\n");
        talk.drip("a: b\r\n");
      },
      soon());
  EXPECT_FALSE(header);
}

TEST(HttpClient, gives_up_at_the_deadline_when_nobody_takes_the_connection) {
  LoopbackServer const server(nullptr, 0);
  // The queue of a listener that accepts nobody holds one connection; later ones wait.
  std::vector<int> waiting;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server.port());
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    (void)::connect(waiting.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  auto const answer = client_of(server).get("/", soon());
  EXPECT_TRUE(contains(error_of(answer), "did not answer in time")) << error_of(answer);
  for (int const socket : waiting) ::close(socket);
}

TEST(HttpClient, asks_nothing_after_the_deadline) {
  LoopbackServer const server([](Conversation& talk) { talk.hang(); });
  HttpClient client = client_of(server);
  EXPECT_FALSE(client.get("/", steady_clock::now()));
  EXPECT_EQ(client.connections_made(), 0);
}

TEST(HttpClient, says_that_nobody_listens) {
  Result<HttpClient> client = HttpClient::open(refusing_url());
  ASSERT_TRUE(client);
  auto const answer = client->get("/", plenty());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::io);
  EXPECT_TRUE(contains(answer.error().message, "refused the connection")) << answer.error().message;
}

TEST(HttpClient, refuses_a_body_that_claims_a_gigabyte_before_it_comes) {
  auto const answer = ask(
      [](Conversation& talk) {
        talk.send("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
        talk.hang();
      },
      plenty());
  EXPECT_TRUE(contains(error_of(answer), "more than 4194304 bytes")) << error_of(answer);
}

TEST(HttpClient, refuses_a_body_without_a_length_once_it_is_too_long) {
  auto const answer = ask(
      [](Conversation& talk) {
        talk.send("HTTP/1.1 200 OK\r\n\r\n");
        std::string const much(1 << 16, 'x');
        while (talk.send(much)) {
        }
      },
      plenty());
  EXPECT_TRUE(contains(error_of(answer), "more than 4194304 bytes")) << error_of(answer);
}

TEST(HttpClient, an_answer_that_breaks_off_is_no_answer) {
  for (std::string const& sent :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), std::string("HTTP/1.1 200 OK\r\nContent-Le"),
        std::string(), std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc")}) {
    auto const answer = ask([&](Conversation& talk) { talk.send(sent); }, plenty());
    ASSERT_FALSE(answer) << sent;
    EXPECT_EQ(answer.error().kind, ErrorKind::io);
    EXPECT_TRUE(contains(answer.error().message, "gave no whole answer")) << answer.error().message;
  }
}

TEST(HttpClient, what_is_not_http_is_no_answer) {
  for (std::string const& sent : {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("HTTP/1.1 two hundred\r\n\r\n"),
                                  std::string(100, '\0'), std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
                                  "HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n"}) {
    auto const answer = ask([&](Conversation& talk) { talk.send(sent); }, plenty());
    ASSERT_FALSE(answer) << sent.substr(0, 60);
    EXPECT_EQ(answer.error().kind, ErrorKind::io);
  }
}

// The connection is not kept after a failure, so the next question meets a server that has come to its senses.
TEST(HttpClient, asks_again_after_a_failure) {
  std::atomic<int> visits = 0;
  LoopbackServer const server([&](Conversation& talk) {
    talk.read_request();
    if (++visits == 1) return;
    talk.answer(200, "back");
  });
  HttpClient client = client_of(server);
  EXPECT_FALSE(client.get("/", plenty()));
  Result<HttpAnswer> const answer = client.get("/", plenty());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "back");
}

}  // namespace
}  // namespace regulus::travel
