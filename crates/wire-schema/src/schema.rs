//! The tables themselves: plain `static` data, built by `const` functions so that generated code stays short.

/// A structure, union or error of the model.
#[derive(Debug)]
pub struct StructureSchema {
    /// The name in the model.
    pub name: &'static str,
    pub members: &'static [MemberSchema],
    /// Present on errors.
    pub error: Option<ErrorTraits>,
    /// At most one member may be set.
    pub union: bool,
    /// The members are the events of a stream.
    pub event_stream: bool,
    /// The element name when the structure is a document's root (restXml).
    pub root_name: Option<&'static str>,
    pub xml_namespace: Option<&'static str>,
}

impl StructureSchema {
    pub const fn new(name: &'static str, members: &'static [MemberSchema]) -> Self {
        Self {
            name,
            members,
            error: None,
            union: false,
            event_stream: false,
            root_name: None,
            xml_namespace: None,
        }
    }

    pub const fn error(mut self, code: &'static str, status: u16, caller_fault: bool) -> Self {
        self.error = Some(ErrorTraits { code, status, caller_fault });
        self
    }

    pub const fn union(mut self) -> Self {
        self.union = true;
        self
    }

    pub const fn event_stream(mut self) -> Self {
        self.event_stream = true;
        self
    }

    pub const fn root_name(mut self, name: &'static str) -> Self {
        self.root_name = Some(name);
        self
    }

    pub const fn xml_namespace(mut self, uri: &'static str) -> Self {
        self.xml_namespace = Some(uri);
        self
    }

    /// The member that is bound to `location`, for bindings of which there is at most one.
    pub fn member_at(&self, location: Location) -> Option<(usize, &MemberSchema)> {
        self.members.iter().enumerate().find(|(_, member)| member.location == location)
    }
}

/// What the model says about an error shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorTraits {
    /// The code on the wire, which for query services may differ from the shape's name.
    pub code: &'static str,
    pub status: u16,
    pub caller_fault: bool,
}

/// A member of a structure, the element of a list, or the key or value of a map.
#[derive(Debug)]
pub struct MemberSchema {
    /// The name in the model.
    pub name: &'static str,
    pub target: Target,
    pub location: Location,
    /// The name on the wire: the model's `locationName`, or the member's own name.
    pub wire_name: &'static str,
    /// Whether the model itself names the member on the wire (ec2Query and list elements treat that
    /// differently).
    pub wire_name_given: bool,
    /// The ec2Query name, used as it stands.
    pub query_name: Option<&'static str>,
    pub timestamp_format: Option<TimestampFormat>,
    pub required: bool,
    /// Lists and maps without an element of their own around them.
    pub flattened: bool,
    pub xml_attribute: bool,
    pub xml_namespace: Option<&'static str>,
    pub xml_prefix: Option<&'static str>,
    /// A payload that may be sent without knowing its length.
    pub streaming: bool,
    pub idempotency_token: bool,
    /// In an event: a header of the frame instead of a part of its payload.
    pub event_header: bool,
    /// In an event: the whole payload.
    pub event_payload: bool,
}

impl MemberSchema {
    pub const fn new(name: &'static str, target: Target) -> Self {
        Self {
            name,
            target,
            location: Location::Body,
            wire_name: name,
            wire_name_given: false,
            query_name: None,
            timestamp_format: None,
            required: false,
            flattened: false,
            xml_attribute: false,
            xml_namespace: None,
            xml_prefix: None,
            streaming: false,
            idempotency_token: false,
            event_header: false,
            event_payload: false,
        }
    }

    pub const fn wire_name(mut self, name: &'static str) -> Self {
        self.wire_name = name;
        self.wire_name_given = true;
        self
    }

    pub const fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    pub const fn query_name(mut self, name: &'static str) -> Self {
        self.query_name = Some(name);
        self
    }

    pub const fn timestamp_format(mut self, format: TimestampFormat) -> Self {
        self.timestamp_format = Some(format);
        self
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub const fn flattened(mut self) -> Self {
        self.flattened = true;
        self
    }

    pub const fn xml_attribute(mut self) -> Self {
        self.xml_attribute = true;
        self
    }

    pub const fn xml_namespace(mut self, uri: &'static str) -> Self {
        self.xml_namespace = Some(uri);
        self
    }

    pub const fn xml_prefix(mut self, prefix: &'static str) -> Self {
        self.xml_prefix = Some(prefix);
        self
    }

    pub const fn streaming(mut self) -> Self {
        self.streaming = true;
        self
    }

    pub const fn idempotency_token(mut self) -> Self {
        self.idempotency_token = true;
        self
    }

    pub const fn event_header(mut self) -> Self {
        self.event_header = true;
        self
    }

    pub const fn event_payload(mut self) -> Self {
        self.event_payload = true;
        self
    }

    /// The list this member holds. A shape and its schema are generated together, so anything else is a
    /// broken build.
    pub fn list(&self) -> &'static ListSchema {
        match self.target {
            Target::List(list) => list,
            _ => panic!("the schema of {} is not a list", self.name),
        }
    }

    /// The map this member holds; see [`MemberSchema::list`].
    pub fn map(&self) -> &'static MapSchema {
        match self.target {
            Target::Map(map) => map,
            _ => panic!("the schema of {} is not a map", self.name),
        }
    }
}

/// How a table names a structure: by a function, because structures may contain themselves.
pub type StructureOf = fn() -> &'static StructureSchema;

/// What a member holds.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    Boolean,
    Integer,
    Long,
    Float,
    Double,
    String,
    Blob,
    Timestamp,
    Document,
    Structure(StructureOf),
    List(&'static ListSchema),
    Map(&'static MapSchema),
}

#[derive(Debug)]
pub struct ListSchema {
    pub element: MemberSchema,
}

impl ListSchema {
    pub const fn new(element: MemberSchema) -> Self {
        Self { element }
    }
}

#[derive(Debug)]
pub struct MapSchema {
    pub key: MemberSchema,
    pub value: MemberSchema,
}

impl MapSchema {
    pub const fn new(key: MemberSchema, value: MemberSchema) -> Self {
        Self { key, value }
    }
}

/// Which part of the HTTP message carries a member. Only the REST protocols look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    Body,
    Header,
    /// A map spread over headers that share a prefix.
    PrefixHeaders,
    Uri,
    QueryString,
    StatusCode,
    /// The member is the whole body.
    Payload,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampFormat {
    DateTime,
    HttpDate,
    EpochSeconds,
}

/// The protocols of AWS's public APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    AwsJson1_0,
    AwsJson1_1,
    AwsQuery,
    Ec2Query,
    RestJson1,
    RestXml,
    RpcV2Cbor,
}

/// One operation of a service.
#[derive(Debug)]
pub struct OperationSchema {
    pub name: &'static str,
    pub method: &'static str,
    pub uri: &'static str,
    /// The status of a success.
    pub status: u16,
    pub input: Option<StructureOf>,
    pub output: Option<StructureOf>,
    pub errors: &'static [StructureOf],
    /// The element around a query protocol's result.
    pub result_wrapper: Option<&'static str>,
    /// What the client puts in front of the host name.
    pub host_prefix: Option<&'static str>,
    /// Callers need not sign.
    pub anonymous: bool,
}

impl OperationSchema {
    pub const fn new(name: &'static str, method: &'static str, uri: &'static str) -> Self {
        Self {
            name,
            method,
            uri,
            status: 200,
            input: None,
            output: None,
            errors: &[],
            result_wrapper: None,
            host_prefix: None,
            anonymous: false,
        }
    }

    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub const fn input(mut self, input: StructureOf) -> Self {
        self.input = Some(input);
        self
    }

    pub const fn output(mut self, output: StructureOf) -> Self {
        self.output = Some(output);
        self
    }

    pub const fn errors(mut self, errors: &'static [StructureOf]) -> Self {
        self.errors = errors;
        self
    }

    pub const fn result_wrapper(mut self, name: &'static str) -> Self {
        self.result_wrapper = Some(name);
        self
    }

    pub const fn host_prefix(mut self, prefix: &'static str) -> Self {
        self.host_prefix = Some(prefix);
        self
    }

    pub const fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// The modelled error with this code.
    pub fn error(&self, code: &str) -> Option<&'static StructureSchema> {
        self.errors
            .iter()
            .map(|schema| schema())
            .find(|schema| schema.name == code || schema.error.is_some_and(|error| error.code == code))
    }

    /// The output member that is a stream of events, when there is one.
    pub fn event_stream(&self) -> Option<&'static MemberSchema> {
        let output = self.output?();
        output.members.iter().find(|member| match member.target {
            Target::Structure(schema) => schema().event_stream,
            _ => false,
        })
    }
}

/// One service: what the router and the envelopes need to know about it.
#[derive(Debug)]
pub struct ServiceSchema {
    /// The model's `serviceId`, for example `CloudWatch Logs`.
    pub id: &'static str,
    /// Our name of the service: the folder of its model, for example `logs`.
    pub name: &'static str,
    pub endpoint_prefix: &'static str,
    pub signing_name: &'static str,
    /// What stands before the dot in `X-Amz-Target`.
    pub target_prefix: Option<&'static str>,
    /// Best first, as the model lists them.
    pub protocols: &'static [Protocol],
    pub api_version: &'static str,
    pub xml_namespace: Option<&'static str>,
    /// Errors keep their old query codes in a header of their own.
    pub query_compatible: bool,
    /// Sorted by name.
    pub operations: &'static [&'static OperationSchema],
    /// Modelled operations without shapes here; sorted.
    pub unimplemented: &'static [&'static str],
}

impl ServiceSchema {
    pub fn operation(&self, name: &str) -> Option<&'static OperationSchema> {
        self.operations
            .binary_search_by(|operation| operation.name.cmp(name))
            .ok()
            .map(|at| self.operations[at])
    }

    /// Whether the model has the operation and we have no shapes for it.
    pub fn is_unimplemented(&self, name: &str) -> bool {
        self.unimplemented.binary_search(&name).is_ok()
    }

    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }
}
