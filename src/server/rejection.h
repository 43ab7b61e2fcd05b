// Why somebody turns something down: a suggestion, or a ride that a driver was given.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "domain/json_reader.h"

namespace regulus::server {

// Free text goes into "note".
enum class RejectReason : std::uint8_t { driver_unsuitable, client_wish, timing, local_knowledge, other };
constexpr std::array<std::string_view, 5> enum_names(RejectReason) {
  return {"driver_unsuitable", "client_wish", "timing", "local_knowledge", "other"};
}

// Of {"reason", "note"?, "at"?, "date"?}, as one text: "timing: the school closes at noon". Errors: what JsonReader
// says.
inline Result<std::string> rejection_of(Json const& body) {
  Status status = ok();
  RejectReason reason = RejectReason::other;
  std::string note;
  JsonReader const at(body, status, WholeNumbers::as_integers_only);
  at.keys({"reason"}, {"note", "at", "date"});
  at.get("reason", reason);
  at.get("note", note);
  if (status && note.size() > 500) {
    at.in("note", [](JsonReader const& text) { text.fail("has more than 500 bytes"); });
  }
  if (!status) return status.error();
  std::string text(enum_names(reason)[static_cast<std::size_t>(reason)]);
  if (!note.empty()) text += ": " + note;
  return text;
}

}  // namespace regulus::server
