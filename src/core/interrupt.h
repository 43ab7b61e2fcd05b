// Ctrl-C and SIGTERM as a question that long work asks between steps.
#pragma once

namespace regulus {

// From now on the first SIGINT or SIGTERM only sets the flag below; the second ends the program at once.
void catch_interrupts();
bool interrupted();

}  // namespace regulus
