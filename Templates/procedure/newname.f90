! x <- (x + number / x) / 2, from x = number; records root x and error x^2 - number of every step.
function newname(number, iterations, record) result(status) bind(c)
  use, intrinsic :: iso_c_binding
  use syzygy
  implicit none
  real(c_double), value :: number
  integer(c_int64_t), value :: iterations
  type(c_ptr), value :: record
  integer(c_int32_t) :: status
  integer(c_int64_t) :: step
  real(c_double) :: x
  x = number
  do step = 0, iterations
    call record_values(record, step, 'root', [x])
    call record_values(record, step, 'error', [x * x - number])
    status = record_progress(record, step)
    if (status /= 0) return
    x = (x + number / x) / 2
  end do
end function
