#include "tests/store/fault_vfs.h"

#include <algorithm>
#include <fstream>

#include "core/check.h"
#include "core/files.h"

namespace regulus::store {

// SQLite allocates room for this and the base's own file behind it.
struct FaultyDisk::File {
  sqlite3_file head;
  FaultyDisk* disk;
  char const* path;  // SQLite keeps it as long as the file is open; null for temporary files
  sqlite3_file* base() { return static_cast<sqlite3_file*>(static_cast<void*>(this + 1)); }
  static File& of(sqlite3_file* file) { return *static_cast<File*>(static_cast<void*>(file)); }
};

struct FaultyDisk::Methods {
  static int close(sqlite3_file* file) { return File::of(file).base()->pMethods->xClose(File::of(file).base()); }
  static int read(sqlite3_file* file, void* into, int amount, sqlite3_int64 offset) {
    File& f = File::of(file);
    if (int const code = f.disk->enter(Call::read); code != SQLITE_OK) return code;
    return f.base()->pMethods->xRead(f.base(), into, amount, offset);
  }
  static int write(sqlite3_file* file, void const* from, int amount, sqlite3_int64 offset) {
    File& f = File::of(file);
    int const code = f.disk->enter(Call::write);
    // What the power cut interrupts may be on the disk.
    if (code == SQLITE_OK || f.disk->is_off()) {
      std::string bytes(static_cast<char const*>(from), static_cast<std::size_t>(amount));
      f.disk->remember(f.path, {offset, std::move(bytes), std::nullopt});
    }
    return code != SQLITE_OK ? code : f.base()->pMethods->xWrite(f.base(), from, amount, offset);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    File& f = File::of(file);
    int const code = f.disk->enter(Call::truncate);
    if (code == SQLITE_OK || f.disk->is_off()) f.disk->remember(f.path, {0, {}, size});
    return code != SQLITE_OK ? code : f.base()->pMethods->xTruncate(f.base(), size);
  }
  static int sync(sqlite3_file* file, int) {
    File& f = File::of(file);
    if (int const code = f.disk->enter(Call::flush); code != SQLITE_OK) return code;
    f.disk->flush(f.path);
    return SQLITE_OK;
  }
  static int size(sqlite3_file* file, sqlite3_int64* size) {
    return File::of(file).base()->pMethods->xFileSize(File::of(file).base(), size);
  }
  static int lock(sqlite3_file* file, int level) {
    return File::of(file).base()->pMethods->xLock(File::of(file).base(), level);
  }
  static int unlock(sqlite3_file* file, int level) {
    return File::of(file).base()->pMethods->xUnlock(File::of(file).base(), level);
  }
  static int check_lock(sqlite3_file* file, int* answer) {
    return File::of(file).base()->pMethods->xCheckReservedLock(File::of(file).base(), answer);
  }
  static int control(sqlite3_file* file, int what, void* with) {
    return File::of(file).base()->pMethods->xFileControl(File::of(file).base(), what, with);
  }
  static int sector(sqlite3_file*) { return 512; }
  // Nothing is promised: no atomic writes, no order.
  static int characteristics(sqlite3_file*) { return 0; }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** at) {
    return File::of(file).base()->pMethods->xShmMap(File::of(file).base(), page, size, extend, at);
  }
  static int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
    return File::of(file).base()->pMethods->xShmLock(File::of(file).base(), offset, n, flags);
  }
  static void shm_barrier(sqlite3_file* file) { File::of(file).base()->pMethods->xShmBarrier(File::of(file).base()); }
  static int shm_unmap(sqlite3_file* file, int remove) {
    return File::of(file).base()->pMethods->xShmUnmap(File::of(file).base(), remove);
  }

  static int open(sqlite3_vfs* vfs, char const* path, sqlite3_file* file, int flags, int* out_flags) {
    static constexpr sqlite3_io_methods methods = {
        2,         close,      read,    write,  truncate,        sync,    size,     lock,
        unlock,    check_lock, control, sector, characteristics, shm_map, shm_lock, shm_barrier,
        shm_unmap, nullptr,    nullptr};
    auto* disk = static_cast<FaultyDisk*>(vfs->pAppData);
    File& f = File::of(file);
    f.head.pMethods = nullptr;
    f.disk = disk;
    f.path = path;
    if (disk->is_off()) return SQLITE_CANTOPEN;
    disk->know(path);
    int const code = disk->base_->xOpen(disk->base_, path, f.base(), flags, out_flags);
    if (code == SQLITE_OK) f.head.pMethods = &methods;
    return code;
  }
  static int remove(sqlite3_vfs* vfs, char const* path, int flush_folder) {
    auto* disk = static_cast<FaultyDisk*>(vfs->pAppData);
    if (int const code = disk->enter(Call::remove); code != SQLITE_OK) return code;
    disk->forget(path);
    return disk->base_->xDelete(disk->base_, path, flush_folder);
  }
};

FaultyDisk::FaultyDisk(std::string name) : name_(std::move(name)), base_(sqlite3_vfs_find(nullptr)) {
  vfs_ = *base_;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + base_->szOsFile;
  vfs_.xOpen = Methods::open;
  vfs_.xDelete = Methods::remove;
  REGULUS_CHECK(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
}

FaultyDisk::~FaultyDisk() { sqlite3_vfs_unregister(&vfs_); }

int FaultyDisk::enter(Call call) {
  std::lock_guard const lock(mutex_);
  if (off_) return SQLITE_IOERR;
  ++calls_[call];
  if (call != Call::read && cut_in_ > 0 && --cut_in_ == 0) {
    off_ = true;
    return SQLITE_IOERR;
  }
  bool const concerned = fault_ == Fault::io || (fault_ == Fault::full && call == Call::write) ||
                         (fault_ == Fault::flush && call == Call::flush);
  if (fault_in_ == 0 || !concerned) return SQLITE_OK;
  if (fault_in_ > 1) {
    --fault_in_;
    return SQLITE_OK;
  }
  has_failed_ = true;
  if (!for_ever_) fault_in_ = 0;
  if (fault_ == Fault::full) return SQLITE_FULL;
  switch (call) {
    case Call::read:
      return SQLITE_IOERR_READ;
    case Call::write:
      return SQLITE_IOERR_WRITE;
    case Call::truncate:
      return SQLITE_IOERR_TRUNCATE;
    case Call::flush:
      return SQLITE_IOERR_FSYNC;
    case Call::remove:
      return SQLITE_IOERR_DELETE;
  }
  return SQLITE_IOERR;
}

void FaultyDisk::know(char const* path) {
  std::lock_guard const lock(mutex_);
  if (path == nullptr || images_.contains(path)) return;
  Image& image = images_[path];
  if (Result<std::string> present = read_file(path)) {
    image.exists = true;
    image.flushed = present.take();
  }
}

void FaultyDisk::remember(char const* path, Change change) {
  std::lock_guard const lock(mutex_);
  if (path != nullptr) images_[path].pending.push_back(std::move(change));
}

void FaultyDisk::flush(char const* path) {
  std::lock_guard const lock(mutex_);
  if (path == nullptr) return;
  Image& image = images_[path];
  for (Change const& change : image.pending) apply(image.flushed, change);
  image.pending.clear();
  image.exists = true;
}

void FaultyDisk::forget(char const* path) {
  std::lock_guard const lock(mutex_);
  images_.erase(path);
}

void FaultyDisk::apply(std::string& bytes, Change const& change) {
  if (change.cut_to) {
    if (*change.cut_to < std::ssize(bytes)) bytes.resize(static_cast<std::size_t>(*change.cut_to));
    return;
  }
  std::size_t const end = static_cast<std::size_t>(change.offset) + change.bytes.size();
  if (bytes.size() < end) bytes.resize(end, '\0');
  std::copy(change.bytes.begin(), change.bytes.end(), bytes.begin() + change.offset);
}

void FaultyDisk::write_survivors(std::filesystem::path const& folder, Rng& rng) const {
  constexpr std::size_t sector = 512;
  std::lock_guard const lock(mutex_);
  for (auto const& [path, image] : images_) {
    std::string bytes = image.flushed;
    // 0: nothing unflushed, 1: a beginning, 2: everything, 3: any part of it.
    std::uint64_t const fate = rng.below(4);
    std::size_t const beginning = rng.below(image.pending.size() + 1);
    for (std::size_t i = 0; i < image.pending.size(); ++i) {
      if (fate == 0 || (fate == 1 && i > beginning) || (fate == 3 && rng.chance(0.5))) continue;
      Change const& change = image.pending[i];
      bool const is_torn = !change.cut_to && ((fate == 1 && i == beginning) || (fate == 3 && rng.chance(0.3)));
      if (!is_torn) {
        apply(bytes, change);
        continue;
      }
      for (std::size_t at = 0; at < change.bytes.size(); at += sector) {
        if (rng.chance(0.5)) continue;
        apply(bytes, {change.offset + static_cast<std::int64_t>(at), change.bytes.substr(at, sector), std::nullopt});
      }
    }
    if (!image.exists && (bytes.empty() || fate == 0)) continue;
    std::ofstream(folder / std::filesystem::path(path).filename(), std::ios::binary) << bytes;
  }
}

std::uint64_t FaultyDisk::calls(Call call) const {
  std::lock_guard const lock(mutex_);
  auto const found = calls_.find(call);
  return found == calls_.end() ? 0 : found->second;
}
std::uint64_t FaultyDisk::changes() const { return all_calls() - calls(Call::read); }
std::uint64_t FaultyDisk::all_calls() const {
  std::lock_guard const lock(mutex_);
  std::uint64_t sum = 0;
  for (auto const& [call, count] : calls_) sum += count;
  return sum;
}

void FaultyDisk::fail(std::uint64_t n, Fault fault, bool for_ever) {
  std::lock_guard const lock(mutex_);
  fault_in_ = n;
  fault_ = fault;
  for_ever_ = for_ever;
}
void FaultyDisk::mend() { fail(0, Fault::io, false); }
bool FaultyDisk::has_failed() const {
  std::lock_guard const lock(mutex_);
  return has_failed_;
}
void FaultyDisk::cut_power_at_change(std::uint64_t n) {
  std::lock_guard const lock(mutex_);
  cut_in_ = n;
}
void FaultyDisk::cut_power() {
  std::lock_guard const lock(mutex_);
  off_ = true;
}
bool FaultyDisk::is_off() const {
  std::lock_guard const lock(mutex_);
  return off_;
}

}  // namespace regulus::store
