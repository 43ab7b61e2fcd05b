// `regulus bench insertion`: what one booking into a large fleet takes.
#pragma once

#include "app/command.h"

namespace regulus::app {

Run add_bench_insertion(CLI::App& app);

}  // namespace regulus::app
