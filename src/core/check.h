// REGULUS_CHECK: a condition that only a bug of ours can break.
//
// Kept in release builds on cold paths; the message names the expression and the place. Bad input from outside is never
// a check: that is core/result.h.
#pragma once

namespace regulus {

[[noreturn]] void check_failed(char const* expression, char const* file, int line);

}  // namespace regulus

#define REGULUS_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::regulus::check_failed(#expression, __FILE__, __LINE__))
