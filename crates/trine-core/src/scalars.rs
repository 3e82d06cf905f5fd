//! Types that are one value, and what is expected of each, for whatever reads them from text.

/// Hands the table to a macro of the caller's.
#[doc(hidden)]
#[macro_export]
macro_rules! scalars {
    ($for_each:ident) => {
        $for_each! {
            char => "one character",
            u8 => "a whole number from 0 to 255",
            u16 => "a whole number from 0 to 65535",
            u32 => "a whole number from 0 to 4294967295",
            u64 => "a whole number from 0 to 18446744073709551615",
            u128 => "a whole number from 0 on",
            usize => "a whole number from 0 on",
            i8 => "a whole number from -128 to 127",
            i16 => "a whole number from -32768 to 32767",
            i32 => "a whole number from -2147483648 to 2147483647",
            i64 => "a whole number from -9223372036854775808 to 9223372036854775807",
            i128 => "a whole number",
            isize => "a whole number",
            f32 => "a number",
            f64 => "a number",
            std::num::NonZeroU8 => "a whole number from 1 to 255",
            std::num::NonZeroU16 => "a whole number from 1 to 65535",
            std::num::NonZeroU32 => "a whole number from 1 to 4294967295",
            std::num::NonZeroU64 => "a whole number from 1 to 18446744073709551615",
            std::num::NonZeroUsize => "a whole number from 1 on",
            std::net::IpAddr => "an IP address",
            std::net::Ipv4Addr => "an IPv4 address",
            std::net::Ipv6Addr => "an IPv6 address",
            std::net::SocketAddr => "an IP address and a port",
        }
    };
}
