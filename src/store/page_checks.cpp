#include "store/page_checks.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include "store/migrations.h"

namespace regulus::store {
namespace {

constexpr int header_bytes = 100;

using Sum = std::array<std::uint32_t, 2>;
static_assert(sizeof(Sum) == page_check_bytes);

// `bytes` is a multiple of eight. Words are those of this machine's order; a file does not travel between orders.
Sum sum_of(unsigned char const* page, std::size_t bytes) {
  Sum sum{};
  for (std::size_t at = 0; at < bytes; at += 8) {
    std::array<std::uint32_t, 2> words{};
    std::memcpy(words.data(), page + at, sizeof(words));
    sum[0] += words[0] + sum[1];
    sum[1] += words[1] + sum[0];
  }
  return sum;
}

// The length of a page, as the header of the file says in its bytes 16 and 17.
int page_length(unsigned char const* header) {
  int const length = header[16] << 8 | header[17];
  return length == 1 ? 65'536 : length;
}

// A database that reserves exactly our eight bytes (byte 20 of its header) has sums.
bool reserves_sums(unsigned char const* header) { return header[20] == page_check_bytes; }
// Ours (bytes 68 to 71 say so) always does, unless that very byte rotted.
bool lost_its_sums(unsigned char const* header) {
  std::uint32_t owner = 0;
  for (int i = 68; i < 72; ++i) owner = owner << 8 | header[i];
  return owner == application_id && !reserves_sums(header);
}

struct Layer {
  std::string base_name;
  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_vfs* base = nullptr;
};

// SQLite allocates room for this and the base's own file behind it.
struct File {
  sqlite3_file head;
  int page_bytes;  // of a file with sums; 0 for one without, and before its header was seen
  sqlite3_file* base() { return static_cast<sqlite3_file*>(static_cast<void*>(this + 1)); }
};
File& of(sqlite3_file* file) { return *static_cast<File*>(static_cast<void*>(file)); }
sqlite3_file* base_of(sqlite3_file* file) { return of(file).base(); }

int close_file(sqlite3_file* file) { return base_of(file)->pMethods->xClose(base_of(file)); }
// What the header of a file, just read or about to be written, says about its sums.
int look_at_header(File& file, unsigned char const* header) {
  file.page_bytes = reserves_sums(header) ? page_length(header) : 0;
  return lost_its_sums(header) ? SQLITE_CORRUPT : SQLITE_OK;
}

bool has_its_sum(unsigned char const* page, int page_bytes) {
  std::size_t const body = static_cast<std::size_t>(page_bytes) - page_check_bytes;
  Sum const sum = sum_of(page, body);
  return std::memcmp(page + body, sum.data(), sizeof(sum)) == 0;
}

// Room for a page, or null: SQLite calls from C, through which nothing may be thrown.
std::unique_ptr<unsigned char[]> room_for(int bytes) {
  return std::unique_ptr<unsigned char[]>(new (std::nothrow) unsigned char[static_cast<std::size_t>(bytes)]);
}

int read_file(sqlite3_file* file, void* into, int amount, sqlite3_int64 offset) {
  File& mine = of(file);
  int const code = base_of(file)->pMethods->xRead(base_of(file), into, amount, offset);
  if (code != SQLITE_OK) return code;
  auto const* bytes = static_cast<unsigned char const*>(into);
  if (offset == 0 && amount >= header_bytes) {
    if (int const seen = look_at_header(mine, bytes); seen != SQLITE_OK) return seen;
  }
  // The header alone is read before anything is locked; its page is checked when that is read.
  if (mine.page_bytes == 0 || offset + amount <= header_bytes) return SQLITE_OK;
  if (amount == mine.page_bytes && offset % amount == 0) {
    return has_its_sum(bytes, amount) ? SQLITE_OK : SQLITE_CORRUPT;
  }
  // A long row's pages are read without their ends; then the whole page is read again to be checked.
  auto const page = room_for(mine.page_bytes);
  if (!page) return SQLITE_IOERR_NOMEM;
  for (sqlite3_int64 at = offset - offset % mine.page_bytes; at < offset + amount; at += mine.page_bytes) {
    int const whole = base_of(file)->pMethods->xRead(base_of(file), page.get(), mine.page_bytes, at);
    if (whole != SQLITE_OK) return whole;
    if (!has_its_sum(page.get(), mine.page_bytes)) return SQLITE_CORRUPT;
  }
  return SQLITE_OK;
}
int write_file(sqlite3_file* file, void const* from, int amount, sqlite3_int64 offset) {
  File& mine = of(file);
  auto const* bytes = static_cast<unsigned char const*>(from);
  if (offset == 0 && amount >= header_bytes) look_at_header(mine, bytes);
  if (mine.page_bytes == 0 || amount != mine.page_bytes || offset % amount != 0) {
    return base_of(file)->pMethods->xWrite(base_of(file), from, amount, offset);
  }
  auto const page = room_for(amount);
  if (!page) return SQLITE_IOERR_NOMEM;
  std::size_t const body = static_cast<std::size_t>(amount) - page_check_bytes;
  std::memcpy(page.get(), bytes, body);
  Sum const sum = sum_of(page.get(), body);
  std::memcpy(page.get() + body, sum.data(), sizeof(sum));
  return base_of(file)->pMethods->xWrite(base_of(file), page.get(), amount, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  return base_of(file)->pMethods->xTruncate(base_of(file), size);
}
int flush_file(sqlite3_file* file, int flags) { return base_of(file)->pMethods->xSync(base_of(file), flags); }
int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  return base_of(file)->pMethods->xFileSize(base_of(file), size);
}
int lock_file(sqlite3_file* file, int level) { return base_of(file)->pMethods->xLock(base_of(file), level); }
int unlock_file(sqlite3_file* file, int level) { return base_of(file)->pMethods->xUnlock(base_of(file), level); }
int check_lock(sqlite3_file* file, int* answer) {
  return base_of(file)->pMethods->xCheckReservedLock(base_of(file), answer);
}
int control_file(sqlite3_file* file, int what, void* with) {
  return base_of(file)->pMethods->xFileControl(base_of(file), what, with);
}
int sector_size(sqlite3_file* file) { return base_of(file)->pMethods->xSectorSize(base_of(file)); }
int characteristics(sqlite3_file* file) { return base_of(file)->pMethods->xDeviceCharacteristics(base_of(file)); }
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** at) {
  return base_of(file)->pMethods->xShmMap(base_of(file), page, size, extend, at);
}
int lock_shared(sqlite3_file* file, int offset, int n, int flags) {
  return base_of(file)->pMethods->xShmLock(base_of(file), offset, n, flags);
}
void order_shared(sqlite3_file* file) { base_of(file)->pMethods->xShmBarrier(base_of(file)); }
int unmap_shared(sqlite3_file* file, int remove) { return base_of(file)->pMethods->xShmUnmap(base_of(file), remove); }

sqlite3_vfs* base_of(sqlite3_vfs* vfs) { return static_cast<Layer*>(vfs->pAppData)->base; }

int open_file(sqlite3_vfs* vfs, char const* path, sqlite3_file* file, int flags, int* out_flags) {
  // Version 2: without memory-mapped reads, which would go past the check.
  static constexpr sqlite3_io_methods methods = {
      2,           close_file,   read_file,    write_file,   truncate_file, flush_file,      size_of_file,
      lock_file,   unlock_file,  check_lock,   control_file, sector_size,   characteristics, map_shared,
      lock_shared, order_shared, unmap_shared, nullptr,      nullptr};
  sqlite3_vfs* const base = base_of(vfs);
  // Logs, journals and temporary files are the base's own business.
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return base->xOpen(base, path, file, flags, out_flags);
  File& mine = of(file);
  mine.head.pMethods = nullptr;
  mine.page_bytes = 0;
  int const code = base->xOpen(base, path, mine.base(), flags, out_flags);
  if (code == SQLITE_OK) mine.head.pMethods = &methods;
  return code;
}

// What has nothing to do with pages goes to the base, which may know its own record only.
void pass_on_the_rest(sqlite3_vfs& vfs) {
  vfs.xDelete = [](sqlite3_vfs* v, char const* path, int flush) {
    return base_of(v)->xDelete(base_of(v), path, flush);
  };
  vfs.xAccess = [](sqlite3_vfs* v, char const* path, int what, int* answer) {
    return base_of(v)->xAccess(base_of(v), path, what, answer);
  };
  vfs.xFullPathname = [](sqlite3_vfs* v, char const* path, int room, char* full) {
    return base_of(v)->xFullPathname(base_of(v), path, room, full);
  };
  vfs.xRandomness = [](sqlite3_vfs* v, int n, char* bytes) { return base_of(v)->xRandomness(base_of(v), n, bytes); };
  vfs.xSleep = [](sqlite3_vfs* v, int microseconds) { return base_of(v)->xSleep(base_of(v), microseconds); };
  vfs.xCurrentTime = [](sqlite3_vfs* v, double* now) { return base_of(v)->xCurrentTime(base_of(v), now); };
  vfs.xCurrentTimeInt64 = [](sqlite3_vfs* v, sqlite3_int64* now) {
    return base_of(v)->xCurrentTimeInt64(base_of(v), now);
  };
  vfs.xGetLastError = [](sqlite3_vfs* v, int n, char* text) { return base_of(v)->xGetLastError(base_of(v), n, text); };
}

}  // namespace

std::string checked_file_system(std::string const& base) {
  // SQLite's list of file systems is one for the whole process, and so must ours be; never destroyed, for whoever
  // closes a database in a destructor of the process's end.
  static std::mutex& mutex = *new std::mutex;
  static auto& layers = *new std::map<std::string, std::unique_ptr<Layer>>;
  std::lock_guard const lock(mutex);
  sqlite3_vfs* const found = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
  if (found == nullptr) return "";
  std::unique_ptr<Layer>& layer = layers[base];
  if (layer != nullptr && layer->base == found) return layer->name;
  if (layer != nullptr) sqlite3_vfs_unregister(&layer->vfs);
  layer = std::make_unique<Layer>();
  layer->name = "regulus-checked-" + std::string(found->zName);
  layer->base = found;
  layer->vfs = *found;
  layer->vfs.pNext = nullptr;
  layer->vfs.zName = layer->name.c_str();
  layer->vfs.pAppData = layer.get();
  layer->vfs.szOsFile = static_cast<int>(sizeof(File)) + found->szOsFile;
  layer->vfs.xOpen = open_file;
  pass_on_the_rest(layer->vfs);
  return sqlite3_vfs_register(&layer->vfs, 0) == SQLITE_OK ? layer->name : "";
}

void reserve_page_checks(sqlite3* database) {
  int bytes = page_check_bytes;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

}  // namespace regulus::store
