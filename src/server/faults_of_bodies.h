// What is wrong with a member of a body, in French.
//
// JsonReader and whoever reads with it say it in English, as "path = value reason", at every depth and with nobody in
// mind: files are read with the same words. The reasons are few, so here is a table of them, faults_of_bodies.def. A
// test fails when somebody refuses a body for a reason that is not in it.
#pragma once

#include <string>
#include <string_view>

namespace regulus::server {

// Of a whole message: path and value stay, the reason is French. "" for one that is not known.
std::string fault_in_french(std::string_view message);

}  // namespace regulus::server
