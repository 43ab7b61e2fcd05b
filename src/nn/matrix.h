// Row-major float matrices and their products.
//
// Products run on oneDNN (seen only by matrix.cpp), on the calling thread alone: parallelism belongs to trials and
// episodes, where it cannot change a result. The same inputs give the same bytes on one processor type, whatever the
// addresses, the thread and the build. A row's result may differ in its last bits with the number of rows in the batch
// (oneDNN takes another kernel for fewer than 16) and, on processors without AVX-512, with its place in it:
// docs/decisions/0002.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace regulus::nn {

// rows × cols floats; row r starts at data + r * cols.
struct MatrixView {
  float const* data = nullptr;
  int rows = 0, cols = 0;
  std::size_t size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols); }
  std::span<float const> row(int r) const {
    return {data + static_cast<std::size_t>(r) * cols, static_cast<std::size_t>(cols)};
  }
};

// Owns its floats; resize keeps the capacity, so a buffer that is reused allocates only while it grows.
class Matrix {
 public:
  Matrix() = default;
  Matrix(int rows, int cols) { resize(rows, cols); }
  // Contents are unspecified after a change of size.
  void resize(int rows, int cols) {
    rows_ = rows;
    cols_ = cols;
    if (data_.size() < size()) data_.resize(size());
  }
  int rows() const { return rows_; }
  int cols() const { return cols_; }
  std::size_t size() const { return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(cols_); }
  float* data() { return data_.data(); }
  float const* data() const { return data_.data(); }
  std::span<float> row(int r) {
    return {data() + static_cast<std::size_t>(r) * cols_, static_cast<std::size_t>(cols_)};
  }
  std::span<float const> row(int r) const { return view().row(r); }
  MatrixView view() const { return {data(), rows_, cols_}; }
  operator MatrixView() const { return view(); }  // NOLINT(google-explicit-constructor): a Matrix is a view of itself

 private:
  std::vector<float> data_;
  int rows_ = 0, cols_ = 0;
};

enum class Op : bool { plain, transposed };

// c (m × n) = a_op (m × k) · b_op (k × n) + (accumulate ? c : 0). The views give the stored shapes, before Op.
void multiply(MatrixView a, Op a_op, MatrixView b, Op b_op, float* c, bool accumulate = false);

}  // namespace regulus::nn
