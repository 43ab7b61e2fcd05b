// Whether this build carries the sanitizers, under which long tests do a part of their work.
#pragma once

namespace regulus {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif

}  // namespace regulus
