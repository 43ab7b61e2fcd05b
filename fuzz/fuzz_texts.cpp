// Short texts of strangers: a token, a cursor, and what becomes the pointer of a problem.
//
// What is taken for one is written back as it was read; a secret with one letter changed is none, whatever chance made
// it; a pointer is one by RFC 6901, and the problem that holds it is JSON.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/check.h"
#include "server/api.h"
#include "server/bodies.h"
#include "server/http/text.h"
#include "store/tokens.h"

namespace {

using namespace regulus;
using namespace regulus::server;

void check_token(std::string_view text) {
  static_cast<void>(store::is_well_formed_secret(text));
  // The text as chance; the number in it makes sure that no letter is drawn for ever.
  std::size_t drawn = 0;
  std::string secret = store::make_secret([&](std::span<std::uint8_t> bytes) {
    for (std::uint8_t& byte : bytes) {
      auto const given = text.empty() ? 0U : static_cast<unsigned char>(text[drawn % text.size()]);
      byte = static_cast<std::uint8_t>(given + drawn++);
    }
  });
  REGULUS_CHECK(store::is_well_formed_secret(secret));
  if (text.empty()) return;
  char& letter = secret[static_cast<unsigned char>(text.front()) % secret.size()];
  if (letter == text.back()) return;
  letter = text.back();
  REGULUS_CHECK(!store::is_well_formed_secret(secret));
}

void check_cursor(std::string_view text) {
  if (auto const said = text_of_cursor(text)) REGULUS_CHECK(cursor_of(*said) == lower(text));
  constexpr std::size_t longest = 255;
  std::string const bytes(text.substr(0, longest));
  REGULUS_CHECK(text_of_cursor(cursor_of(bytes)) == bytes);
  // Once as it would come, once as what a cursor says, so that the second half is reached.
  for (std::string const& after : {std::string(text), cursor_of(bytes)}) {
    for (CursorKind const kind :
         {CursorKind::number, CursorKind::place, CursorKind::place_of_number, CursorKind::text}) {
      Call call;
      call.request.query = {{"after", after}, {"limit", std::string(text.substr(0, 4))}};
      auto const page = page_of(call, kind);
      if (Page const* const found = std::get_if<Page>(&page)) {
        REGULUS_CHECK(found->limit >= 1 && found->limit <= 500 && cursor_of(found->after) == lower(after));
      }
    }
  }
}

void check_pointer(Error const& error) {
  Problem const problem = invalid_body(error);
  std::string const& pointer = problem.errors.front().pointer;
  REGULUS_CHECK(pointer.empty() || pointer.front() == '/');
  for (std::size_t at = pointer.find('~'); at != std::string::npos; at = pointer.find('~', at + 1)) {
    REGULUS_CHECK(pointer.substr(at, 2) == "~0" || pointer.substr(at, 2) == "~1");
  }
  Result<Json> const json = parse_json(problem_response(problem, Language::french, "req_fuzz").body);
  REGULUS_CHECK(json && json->find("errors")->as_array().front().find("pointer")->as_string() == pointer);
}

void check_pointers(std::string_view text) {
  if (!is_utf8(text)) return;  // a message is made of members that were read as UTF-8
  check_pointer(invalid(std::string(text)));
  Result<Json> const body = parse_json(text);
  if (!body) return;
  if (auto const booking = booking_body_of(*body); !booking) check_pointer(booking.error());
  if (auto const driver = driver_body_of(*body); !driver) check_pointer(driver.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  check_token(text);
  check_cursor(text);
  check_pointers(text);
  return 0;
}
