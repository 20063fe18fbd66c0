! 1 / (1 + step / time)
function newname(step, time) result(factor) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: step
  real(c_double), value :: time
  real(c_double) :: factor
  factor = 1 / (1 + real(step, c_double) / time)
end function
