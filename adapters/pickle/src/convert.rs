//! Arrays of the crate `ndarray`.

use bytemuck::AnyBitPattern;
use ndarray::{ArrayBase, ArrayD, ArrayViewD, Data, Dimension, IxDyn, ShapeBuilder, StrideShape};

use crate::{DType, Element, NdArray, Order};

impl NdArray<'_> {
    /// Returns the array as the crate `ndarray` has it, without a copy. `None` where
    /// [`as_slice`](Self::as_slice) returns that: take [`to_array`](Self::to_array) then.
    ///
    /// ```
    /// use mpconn_pickle::NdArray;
    ///
    /// let array = NdArray::from(&ndarray::array![[1_u8, 2], [3, 4]]);
    /// assert_eq!(array.view::<u8>().expect("it is of u8")[[1, 0]], 3);
    /// ```
    #[must_use]
    pub fn view<T: Element + AnyBitPattern>(&self) -> Option<ArrayViewD<'_, T>> {
        ArrayViewD::from_shape(self.strides(), self.as_slice()?).ok()
    }

    /// Returns a copy of the array, as the crate `ndarray` has it. `None` if the elements are of
    /// another type.
    #[must_use]
    pub fn to_array<T: Element>(&self) -> Option<ArrayD<T>> {
        ArrayD::from_shape_vec(self.strides(), self.elements()?.collect()).ok()
    }

    fn strides(&self) -> StrideShape<IxDyn> {
        IxDyn(self.shape()).set_f(self.order() == Order::Fortran).into()
    }
}

/// Copies an array, in the order of C.
impl<T: Element, S: Data<Elem = T>, D: Dimension> From<&ArrayBase<S, D>> for NdArray<'static> {
    fn from(array: &ArrayBase<S, D>) -> Self {
        Self::of_elements(DType::of_element::<T>(), array.shape(), array.iter().copied())
    }
}
