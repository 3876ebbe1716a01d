//! Values by schema against the types themselves.
