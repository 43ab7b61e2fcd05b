#include "server/http/response.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <iterator>

#include "server/http/text.h"

namespace regulus::server {

namespace {

// RFC 9110 §15. A client must not read it, so an unknown status has none.
std::string_view reason_of(int status) {
  struct Reason {
    int status;
    std::string_view text;
  };
  static constexpr std::array reasons = std::to_array<Reason>({
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {303, "See Other"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  });
  for (Reason const& reason : reasons) {
    if (reason.status == status) return reason.text;
  }
  return "";
}

void add(std::string& bytes, std::string_view name, std::string_view value) {
  std::size_t const start = bytes.size();
  bytes.append(name).append(": ").append(value);
  for (std::size_t i = start; i < bytes.size(); ++i) {
    if (is_control(bytes[i])) bytes[i] = ' ';
  }
  bytes.append("\r\n");
}

struct Default {
  std::string_view name;
  std::string_view value;
};
constexpr std::array defaults = std::to_array<Default>({
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
});

bool names(Pairs const& headers, std::string_view name) {
  for (auto const& [given, value] : headers) {
    if (given.size() == name.size() && lower(given) == lower(name)) return true;
  }
  return false;
}

}  // namespace

std::string http_date(std::int64_t unix_s) {
  using namespace std::chrono;
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  sys_seconds const moment{seconds(unix_s)};
  auto const day = floor<std::chrono::days>(moment);
  year_month_day const date(day);
  hh_mm_ss const time(moment - day);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

std::string response_bytes(Response const& response, Envelope const& envelope) {
  std::string bytes;
  bytes.reserve(512 + (envelope.without_body ? 0 : response.body.size()));
  fmt::format_to(std::back_inserter(bytes), "HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  add(bytes, "Date", http_date(envelope.unix_s));
  add(bytes, "X-Request-Id", envelope.request_id);
  if (!envelope.keep_alive) add(bytes, "Connection", "close");
  for (auto const& [name, value] : response.headers) add(bytes, name, value);
  for (auto const& [name, value] : defaults) {
    if (!names(response.headers, name)) add(bytes, name, value);
  }
  if (response.events) {
    add(bytes, "Content-Type", "text/event-stream");
    add(bytes, "X-Accel-Buffering", "no");  // a proxy that collects events would deliver them too late
    return bytes.append("\r\n");
  }
  bool const bodiless = response.status == 204 || response.status == 304;  // RFC 9110 §15.3.5, §15.4.5
  if (!bodiless) {
    if (!response.content_type.empty()) add(bytes, "Content-Type", response.content_type);
    add(bytes, "Content-Length", std::to_string(response.body.size()));
  }
  bytes.append("\r\n");
  if (!bodiless && !envelope.without_body) bytes.append(response.body);
  return bytes;
}

}  // namespace regulus::server
