! w scaled to a root mean square of rms / sqrt(fan_in).
subroutine newname(w, n, fan_in, rms, values_) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n, fan_in
  real(c_double), value :: rms
  real(c_double), intent(in) :: w(n)
  real(c_double), intent(out) :: values_(n)
  real(c_double) :: largest
  values_ = 0
  largest = maxval(abs(w))
  if (.not. largest > 0) return
  ! Relative to the largest, so that no square leaves the range of numbers.
  values_ = w / largest
  values_ = rms * values_ / sqrt(sum(values_**2) / real(n, c_double) * real(fan_in, c_double))
end subroutine
