"""A small vocabulary for writing Lottie documents: values that move, shapes, layers, whole documents."""
