// The subcommands of `regulus bench` that run the optimiser on published instances.
#pragma once

#include "app/command.h"

namespace regulus::app {

Run add_bench_darp(CLI::App& app);
Run add_bench_pdptw(CLI::App& app);

}  // namespace regulus::app
