//! Objects of our traits in the output for debugging.

/// Shows an object of a trait by the name of the trait: what implements it need not be `Debug`, and its secrets are not printed.
macro_rules! debug_by_name {
    ($name:ident) => {
        impl ::std::fmt::Debug for dyn $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}
