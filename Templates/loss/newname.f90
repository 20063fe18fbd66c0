! delta (sqrt(delta^2 + (f - y)^2) - delta), summed over the outputs of each sample. Runs once; the graph is differentiated.
function newname(graph, f, y, delta, sample_loss) result(status) bind(c)
  use, intrinsic :: iso_c_binding
  use syzygy
  implicit none
  type(c_ptr), value :: graph
  integer(c_int32_t), value :: f, y
  real(c_double), value :: delta
  integer(c_int32_t), intent(out) :: sample_loss
  integer(c_int32_t) :: status, width, r
  width = graph_constant(graph, delta)
  r = graph_apply(graph, 'square', [graph_apply(graph, 'sub', [f, y])])
  r = graph_apply(graph, 'sqrt', [graph_apply(graph, 'add', [r, graph_constant(graph, delta**2)])])
  r = graph_apply(graph, 'mul', [graph_apply(graph, 'sub', [r, width]), width])
  sample_loss = graph_apply(graph, 'sum', [r], 'axis', -1.0_c_double)
  status = graph_status(sample_loss)
end function
