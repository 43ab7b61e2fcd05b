// Legs that were asked for before: at most `capacity` of them, the least recently used leaves first.
//
// A leg is known by the cells of its ends (rounded coordinates, travel/recording.h) and the hour it was asked for.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "core/rng.h"

namespace regulus::travel {

class CellCache {
 public:
  struct Key {
    std::uint64_t from = 0, to = 0;
    int hour = 0;
    friend bool operator==(Key const&, Key const&) = default;
  };
  struct Cell {
    std::int32_t seconds = 0, metres = 0;
    friend bool operator==(Cell const&, Cell const&) = default;
  };

  explicit CellCache(std::size_t capacity) : capacity_(capacity) {}

  std::optional<Cell> find(Key const& key) {
    auto const found = where_.find(key);
    if (found == where_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->cell;
  }
  void put(Key const& key, Cell cell) {
    if (capacity_ == 0) return;
    if (auto const found = where_.find(key); found != where_.end()) {
      found->second->cell = cell;
      entries_.splice(entries_.begin(), entries_, found->second);
      return;
    }
    if (entries_.size() == capacity_) {
      where_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({key, cell});
    where_.emplace(key, entries_.begin());
  }
  void clear() {
    entries_.clear();
    where_.clear();
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Key key;
    Cell cell;
  };
  struct Hash {
    std::size_t operator()(Key const& key) const {
      return mix(mix(key.from, key.to), static_cast<std::uint64_t>(key.hour));
    }
  };
  std::size_t capacity_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<Key, std::list<Entry>::iterator, Hash> where_;
};

}  // namespace regulus::travel
