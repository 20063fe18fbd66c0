! The mean of |x| of each neuron; x is [n, d] row by row, so its columns here are samples.
subroutine newname(x, n, d, floor, value) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n, d
  real(c_double), value :: floor
  real(c_double), intent(in) :: x(d, n)
  real(c_double), intent(out) :: value(d)
  value = sum(abs(x), dim=2, mask=abs(x) > floor) / real(n, c_double)
end subroutine

! The fraction of neurons without any activity.
function newname_silent(activity, d) bind(c) result(fraction)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: d
  real(c_double), intent(in) :: activity(d)
  real(c_double) :: fraction
  fraction = real(count(activity == 0), c_double) / real(d, c_double)
end function
