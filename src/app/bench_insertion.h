// `regulus bench insertion` and `regulus bench explain`: what one question about a booking takes in a large fleet.
#pragma once

#include "app/command.h"

namespace regulus::app {

Run add_bench_insertion(CLI::App& app);
Run add_bench_explain(CLI::App& app);

}  // namespace regulus::app
