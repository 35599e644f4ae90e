//! The generated wire types of `proto/situs/v1`, and their description. Named in [`crate::grpc`] only:
//! the rest of the crate speaks the words of [`crate::domain`].

#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::large_enum_variant,
    reason = "generated"
)]

tonic::include_proto!("situs.v1");

/// Every file of the wire format with its imports, as an encoded `FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("situs.v1");
