// The subcommands of `regulus bench` that run the optimiser on published instances.
#pragma once

#include "app/command.h"

namespace regulus::app {

Run add_bench_darp(Flags& flags);
Run add_bench_pdptw(Flags& flags);

}  // namespace regulus::app
