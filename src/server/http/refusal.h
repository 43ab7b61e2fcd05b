// Why the door answers a request itself: what is refused here never becomes an operation, so it is counted and logged
// under these words and not under an operation's name.
//
// Every fault of framing is one, under its own name, and so is each row of refusals.def. The words are the whole set of
// labels that a counter can have; they do not depend on what a client sends.
#pragma once

#include <array>
#include <string_view>

#include "server/http/fault.h"

namespace regulus::server {

// The faults come first, in their order, so that one of them is the refusal of the same number.
enum class Refusal {
#define FAULT(name, problem, english, french) name,
#include "server/http/faults.def"
#undef FAULT
#define REFUSAL(name) name,
#include "server/http/refusals.def"
#undef REFUSAL
};

constexpr Refusal refusal_of(Fault fault) { return static_cast<Refusal>(fault); }

// "bare_line_feed", by number.
constexpr std::array refusal_names = std::to_array<std::string_view>({
#define FAULT(name, problem, english, french) #name,
#include "server/http/faults.def"
#undef FAULT
#define REFUSAL(name) #name,
#include "server/http/refusals.def"
#undef REFUSAL
});
constexpr std::string_view name_of(Refusal refusal) { return refusal_names[static_cast<std::size_t>(refusal)]; }

// What the door did, for whoever counts it. Nothing of what the client sent.
struct Refused {
  Refusal why;
  int status = 0;
  std::string_view request_id;  // as it was answered; valid during the call
};

}  // namespace regulus::server
