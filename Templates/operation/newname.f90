! y_i = x_i / |x_i| for the rows of x [n, d], its vector-Jacobian product (c_i - y_i (y_i . c_i)) / |x_i|, and a network that
! applies it. Columns here are rows in C.
subroutine newname_f32(x, n, d, y) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n, d
  real(c_float), intent(in) :: x(d, n)
  real(c_float), intent(out) :: y(d, n)
  real(c_double) :: length
  integer(c_int64_t) :: i
  do i = 1, n
    length = sqrt(sum(real(x(:, i), c_double)**2))
    y(:, i) = 0
    if (length > 0) y(:, i) = real(real(x(:, i), c_double) / length, c_float)
  end do
end subroutine

subroutine newname_vjp_f32(x, c, n, d, out) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n, d
  real(c_float), intent(in) :: x(d, n), c(d, n)
  real(c_float), intent(out) :: out(d, n)
  real(c_double) :: length, y(d), cotangent(d)
  integer(c_int64_t) :: i
  do i = 1, n
    length = sqrt(sum(real(x(:, i), c_double)**2))
    out(:, i) = 0
    if (.not. length > 0) cycle
    y = real(x(:, i), c_double) / length
    cotangent = real(c(:, i), c_double)
    out(:, i) = real((cotangent - y * dot_product(y, cotangent)) / length, c_float)
  end do
end subroutine

subroutine newname_f64(x, n, d, y) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n, d
  real(c_double), intent(in) :: x(d, n)
  real(c_double), intent(out) :: y(d, n)
  real(c_double) :: length
  integer(c_int64_t) :: i
  do i = 1, n
    length = sqrt(sum(real(x(:, i), c_double)**2))
    y(:, i) = 0
    if (length > 0) y(:, i) = real(real(x(:, i), c_double) / length, c_double)
  end do
end subroutine

subroutine newname_vjp_f64(x, c, n, d, out) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n, d
  real(c_double), intent(in) :: x(d, n), c(d, n)
  real(c_double), intent(out) :: out(d, n)
  real(c_double) :: length, y(d), cotangent(d)
  integer(c_int64_t) :: i
  do i = 1, n
    length = sqrt(sum(real(x(:, i), c_double)**2))
    out(:, i) = 0
    if (.not. length > 0) cycle
    y = real(x(:, i), c_double) / length
    cotangent = real(c(:, i), c_double)
    out(:, i) = real((cotangent - y * dot_product(y, cotangent)) / length, c_double)
  end do
end subroutine

function newname_net(graph, x, d_in, d_out, width, output) result(status) bind(c)
  use, intrinsic :: iso_c_binding
  use syzygy
  implicit none
  type(c_ptr), value :: graph
  integer(c_int32_t), value :: x
  integer(c_int64_t), value :: d_in, d_out, width
  integer(c_int32_t), intent(out) :: output
  integer(c_int32_t) :: status, h
  h = graph_apply(graph, 'newname', [linear('fc', x, d_in, width)])
  output = linear('head', h, width, d_out)
  status = graph_status(output)

contains

  ! x W^T, observed by probes as the layer `name`.
  function linear(name, x, d_in, d_out) result(h)
    character(*), intent(in) :: name
    integer(c_int32_t), intent(in) :: x
    integer(c_int64_t), intent(in) :: d_in, d_out
    integer(c_int32_t) :: weight, h
    weight = graph_parameter(graph, name // '.weight', 'weight', [d_out, d_in])
    h = graph_apply(graph, 'matmul', [x, weight], 'transpose_b', 1.0_c_double)
    call graph_layer(graph, name, x, weight, -1_c_int32_t, h)
  end function
end function
