//! Reasons why an artifact is kept unchanged.

/// The reason why an artifact is kept unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeptReason {
    /// No form is smaller by 2 % and 1 KiB.
    NotWorthIt,
    /// The format is compressed already: a picture, a video, an archive.
    AlreadyCompressed,
    /// The content is neither text nor a known format.
    UnknownContent,
    /// The zip file is invalid or unusual.
    Zip(ZipDoubt),
    /// The written file did not read back as its original.
    NotVerified,
    /// Compression was stopped.
    Stopped,
    /// The disk has too little space for a compressed form beside the original.
    NoSpace,
}

/// A defect or an unusual property of a zip file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZipDoubt {
    /// The central directory is missing, unreadable, or has another number of entries than it claims.
    Directory,
    /// The file has more entries than allowed.
    TooManyEntries,
    /// The file has more unpacked bytes than allowed.
    TooLarge,
    /// The file has more unpacked bytes per byte than allowed.
    TooDense,
    /// The file is one of several volumes.
    Spanned,
    /// Two entries have the same name.
    DuplicateName,
    /// An entry, or the directory, is encrypted.
    Encrypted,
    /// An entry uses a compression method other than deflate.
    UnknownMethod,
    /// An entry has unknown flags.
    UnknownFlags,
    /// An entry's extra fields are unreadable, or too long to keep.
    ExtraField,
    /// Entries overlap or are not in the directory's order, or bytes before, between or after them belong to none.
    Displaced,
    /// An entry's local header contradicts the directory.
    Contradiction,
    /// An entry does not unpack to what the directory says.
    Corrupt,
}

impl KeptReason {
    /// All reasons.
    pub const ALL: [Self; 19] = [
        Self::NotWorthIt,
        Self::AlreadyCompressed,
        Self::UnknownContent,
        Self::NotVerified,
        Self::Stopped,
        Self::NoSpace,
        Self::Zip(ZipDoubt::Directory),
        Self::Zip(ZipDoubt::TooManyEntries),
        Self::Zip(ZipDoubt::TooLarge),
        Self::Zip(ZipDoubt::TooDense),
        Self::Zip(ZipDoubt::Spanned),
        Self::Zip(ZipDoubt::DuplicateName),
        Self::Zip(ZipDoubt::Encrypted),
        Self::Zip(ZipDoubt::UnknownMethod),
        Self::Zip(ZipDoubt::UnknownFlags),
        Self::Zip(ZipDoubt::ExtraField),
        Self::Zip(ZipDoubt::Displaced),
        Self::Zip(ZipDoubt::Contradiction),
        Self::Zip(ZipDoubt::Corrupt),
    ];

    /// The label in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotWorthIt => "not_worth_it",
            Self::AlreadyCompressed => "already_compressed",
            Self::UnknownContent => "unknown_content",
            Self::NotVerified => "not_verified",
            Self::Stopped => "stopped",
            Self::NoSpace => "no_space",
            Self::Zip(ZipDoubt::Directory) => "zip_directory",
            Self::Zip(ZipDoubt::TooManyEntries) => "zip_too_many_entries",
            Self::Zip(ZipDoubt::TooLarge) => "zip_too_large",
            Self::Zip(ZipDoubt::TooDense) => "zip_too_dense",
            Self::Zip(ZipDoubt::Spanned) => "zip_spanned",
            Self::Zip(ZipDoubt::DuplicateName) => "zip_duplicate_name",
            Self::Zip(ZipDoubt::Encrypted) => "zip_encrypted",
            Self::Zip(ZipDoubt::UnknownMethod) => "zip_unknown_method",
            Self::Zip(ZipDoubt::UnknownFlags) => "zip_unknown_flags",
            Self::Zip(ZipDoubt::ExtraField) => "zip_extra_field",
            Self::Zip(ZipDoubt::Displaced) => "zip_displaced",
            Self::Zip(ZipDoubt::Contradiction) => "zip_contradiction",
            Self::Zip(ZipDoubt::Corrupt) => "zip_corrupt",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_is_counted_apart() {
        let labels: HashSet<_> = KeptReason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(labels.len(), KeptReason::ALL.len());
        assert!(labels.iter().all(|label| label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}
