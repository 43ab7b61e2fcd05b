#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace regulus {

void check_failed(char const* expression, char const* file, int line) {
  std::fprintf(stderr, "regulus: internal error: %s does not hold (%s:%d). Please report this.\n", expression, file,
               line);
  std::abort();
}

}  // namespace regulus
