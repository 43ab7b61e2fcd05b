// Every page of the server's database carries a checksum that is looked at whenever the page is read.
//
// SQLite notices a page whose structure is broken, but not a bit that changed inside a row. So a layer between SQLite
// and the file system writes eight bytes at the end of each page of the database file and refuses a page whose bytes do
// not match them: what rotted is an error, never an answer. The log needs none of this; its frames are checked when it
// is read back after a crash, and lives between two checkpoints only. The sum is the one that SQLite's log uses
// (sqlite.org/fileformat2.html, section 4.2): two words of 32 bits, in which every change of a single word shows.
//
// The eight bytes are reserved in the file's header, so other programs read the file as always; one that writes to it
// leaves pages without a valid sum, and then it is damaged for us.
#pragma once

#include <string>

struct sqlite3;

namespace regulus::store {

inline constexpr int page_check_bytes = 8;

// SQLite's name of a file system that checks pages above the one named (empty: the operating system's). Made at the
// first call for each; may be called from any thread. Empty when there is no such file system.
std::string checked_file_system(std::string const& base);

// Makes SQLite keep room for the sums in a database that is about to be created.
void reserve_page_checks(sqlite3* database);

}  // namespace regulus::store
