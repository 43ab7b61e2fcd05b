// As many open files as the system lets this process have: a connection is one.
#pragma once

#include <sys/resource.h>

namespace regulus::app {

inline void allow_many_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace regulus::app
