#include "travel/http_client.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <exception>
#include <optional>
#include <vector>

namespace regulus::travel {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;

namespace {
Error failed(std::string message) { return {ErrorKind::io, std::move(message)}; }
}  // namespace

Result<Url> parse_url(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  auto const refuse = [text](std::string_view why) {
    return invalid(fmt::format("url = {} {}; write http://HOST:PORT", text, why));
  };
  if (text.starts_with("https://"))
    return invalid(
        fmt::format("url = {} is encrypted, which this client does not speak; write http://HOST:PORT, if "
                    "need be of a local proxy that encrypts",
                    text));
  if (!text.starts_with(scheme)) return refuse("does not begin with http://");
  std::string_view rest = text.substr(scheme.size());
  for (char const c : rest) {
    if (c <= ' ' || c > '~') return refuse("has a character that no URL has");
  }
  if (rest.find_first_of("@?#") != std::string_view::npos) return refuse("has a user name, a query or a fragment");
  Url url;
  std::size_t const slash = rest.find('/');
  if (slash != std::string_view::npos) {
    std::string_view prefix = rest.substr(slash);
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    url.prefix = prefix;
    rest = rest.substr(0, slash);
  }
  std::size_t const bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos) return refuse("has a bracket that does not close");
  std::size_t const colon = rest.find(':', bracket);
  if (colon != std::string_view::npos) {
    std::string_view const port = rest.substr(colon + 1);
    auto const [end, problem] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (problem != std::errc{} || end != port.data() + port.size() || url.port == 0)
      return refuse("has a port that is not between 1 and 65535");
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return refuse("names no host");
  url.host = rest;
  return url;
}

struct HttpClient::Connection {
  asio::io_context context;
  std::vector<asio::ip::tcp::endpoint> addresses;
  Url url;
  std::optional<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
  std::string token;
  int requests = 0;  // on this stream
  std::int64_t made = 0;

  // Runs what was just started until its handler was called, which the stream's expiry guarantees.
  void finish() {
    context.restart();
    context.run();
  }

  error_code connect(steady_clock::time_point deadline) {
    stream.emplace(context);
    buffer.clear();
    requests = 0;
    error_code problem;
    stream->expires_at(deadline);
    stream->async_connect(addresses, [&](error_code code, asio::ip::tcp::endpoint const&) { problem = code; });
    finish();
    if (problem) {
      stream.reset();
      return problem;
    }
    ++made;
    error_code ignored;  // without it a small request may wait for the answer to the last one
    stream->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    return {};
  }

  struct Exchange {
    error_code problem;
    bool answer_began = false;
  };
  Exchange exchange(http::request<http::string_body> const& request, HttpAnswer& answer,
                    steady_clock::time_point deadline) {
    Exchange done;
    ++requests;
    stream->expires_at(deadline);
    http::async_write(*stream, request, [&](error_code code, std::size_t) { done.problem = code; });
    finish();
    http::response_parser<http::string_body> parser;
    parser.body_limit(largest_body);
    if (!done.problem) {
      stream->expires_at(deadline);
      http::async_read(*stream, buffer, parser, [&](error_code code, std::size_t) { done.problem = code; });
      finish();
    }
    done.answer_began = parser.got_some() || buffer.size() > 0;
    // Bytes beyond the answer would be taken for the next one.
    bool const reusable =
        !done.problem && parser.keep_alive() && buffer.size() == 0 && requests < requests_per_connection;
    if (!reusable) stream.reset();
    if (!done.problem) {
      answer.status = static_cast<int>(parser.get().result_int());
      answer.body = std::move(parser.get().body());
    }
    return done;
  }

  Result<HttpAnswer> send(http::verb verb, std::string_view target, std::string body,
                          steady_clock::time_point deadline) {
    http::request<http::string_body> request(verb, url.prefix + std::string(target), 11);
    request.set(http::field::host, fmt::format("{}:{}", url.host, url.port));
    request.set(http::field::user_agent, "regulus");
    request.set(http::field::accept, "application/json");
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    if (verb != http::verb::get) {
      request.set(http::field::content_type, "application/json");
      request.body() = std::move(body);
    }
    request.prepare_payload();
    for (;;) {
      if (steady_clock::now() >= deadline) return failed(where() + " did not answer in time");
      bool const kept = stream.has_value();
      if (!kept) {
        if (error_code const problem = connect(deadline)) return failed(described(problem, "refused the connection"));
      }
      HttpAnswer answer;
      Exchange const done = exchange(request, answer, deadline);
      if (!done.problem) return answer;
      bool const closed_while_idle = kept && !done.answer_began && done.problem != beast::error::timeout;
      if (!closed_while_idle) return failed(described(done.problem, "gave no whole answer"));
    }
  }

  Result<HttpAnswer> send_safely(http::verb verb, std::string_view target, std::string body,
                                 steady_clock::time_point deadline) {
    try {
      return send(verb, target, std::move(body), deadline);
    } catch (std::exception const& problem) {
      stream.reset();
      return failed(fmt::format("{}: {}", where(), problem.what()));
    }
  }

  std::string where() const { return fmt::format("http://{}:{}", url.host, url.port); }
  std::string described(error_code const& problem, std::string_view what) const {
    if (problem == beast::error::timeout) return where() + " did not answer in time";
    if (problem == http::error::body_limit)
      return fmt::format("{} answered with more than {} bytes", where(), largest_body);
    return fmt::format("{} {}: {}", where(), what, problem.message());
  }
};

Result<HttpClient> HttpClient::open(std::string_view text) {
  Result<Url> url = parse_url(text);
  if (!url) return url.error();
  try {
    auto connection = std::make_unique<Connection>();
    connection->url = url.take();
    std::string host = connection->url.host;
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    asio::ip::tcp::resolver resolver(connection->context);
    error_code problem;
    auto const found =
        resolver.resolve(host, std::to_string(connection->url.port), asio::ip::tcp::resolver::numeric_service, problem);
    if (problem) return failed(fmt::format("{}: the name {} is not known: {}", text, host, problem.message()));
    for (auto const& entry : found) connection->addresses.push_back(entry.endpoint());
    return HttpClient(std::move(connection));
  } catch (std::exception const& problem) {
    return failed(fmt::format("{}: {}", text, problem.what()));
  }
}

HttpClient::HttpClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::get(std::string_view target, steady_clock::time_point deadline) {
  return connection_->send_safely(http::verb::get, target, {}, deadline);
}

Result<HttpAnswer> HttpClient::post_json(std::string_view target, std::string body, steady_clock::time_point deadline) {
  return connection_->send_safely(http::verb::post, target, std::move(body), deadline);
}

Result<HttpAnswer> HttpClient::send_json(std::string_view method, std::string_view target, std::string body,
                                         steady_clock::time_point deadline) {
  return connection_->send_safely(http::string_to_verb(method), target, std::move(body), deadline);
}

void HttpClient::authorize(std::string token) { connection_->token = std::move(token); }

std::int64_t HttpClient::connections_made() const { return connection_->made; }

}  // namespace regulus::travel
