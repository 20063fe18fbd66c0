! The fraction of entries of x with |x| <= threshold.
subroutine newname(x, n, threshold, fraction) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: threshold
  real(c_double), intent(in) :: x(n)
  real(c_double), intent(out) :: fraction
  fraction = real(count(abs(x) <= threshold), c_double) / real(n, c_double)
end subroutine
