#include "core/interrupt.h"

#include <csignal>

namespace regulus {
namespace {
// A signal handler can reach nothing but a global.
volatile std::sig_atomic_t interrupt_count = 0;

void on_signal(int signal) {
  interrupt_count = interrupt_count + 1;
  if (interrupt_count > 1) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}
}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() { return interrupt_count > 0; }

}  // namespace regulus
