// Reading and writing whole files so that a crash or a full disk never leaves half a file under the good name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace regulus {

// The whole file as bytes. Errors: not_found, io.
Result<std::string> read_file(std::filesystem::path const& path);

// Writes beside the target (`<name>.tmp-<pid>`), flushes to the disk, renames over the target and flushes the folder.
// On any error the old file is as it was and the temporary one is gone. Creates missing parent folders.
Status write_file(std::filesystem::path const& path, std::string_view bytes);

// CRC-32C (Castagnoli, reflected 0x82F63B78), as TensorBoard's event files and our checkpoints use it.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t start = 0);

}  // namespace regulus
