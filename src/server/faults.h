// What is wrong with a request, in French.
//
// Whoever finds a fault (JsonReader and who reads with it, the reader of CSV files, the desk, the store) says it in
// English, as "place reason", at every depth and with nobody in mind: files and command lines are read with the same
// words. The reasons are few, so here is a table of them, faults.def. A test fails when somebody refuses a request for
// a reason that is not in it.
#pragma once

#include <string>
#include <string_view>

namespace regulus::server {

// Of a whole message: the reason is French, and the place as far as it is words of ours; values stay. "" for a reason
// that is not known.
std::string fault_in_french(std::string_view message);

}  // namespace regulus::server
