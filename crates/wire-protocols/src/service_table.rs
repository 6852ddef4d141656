//! From the name of an operation to the function that does it.

use std::collections::HashMap;
use std::error::Error;
use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use http::Response;
use http::request::Parts;
use wire_schema::{Fault, Members, Operation, OperationSchema, Protocol, ServiceError, ServiceSchema, Shape};

use crate::body::Body;
use crate::error_envelope::encode_error;
use crate::event_stream;
use crate::message::{decode_input, encode_output};
use crate::route::not_implemented;

/// The handlers of one service. `C` is what each call brings along besides its input: who calls, from where,
/// and the state to work on.
pub struct ServiceTable<C> {
    service: &'static ServiceSchema,
    handlers: HashMap<&'static str, Entry<C>>,
}

/// One request, routed.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub protocol: Protocol,
    pub operation: &'a str,
    pub parts: &'a Parts,
    pub body: &'a Bytes,
    pub request_id: &'a str,
}

struct Entry<C> {
    operation: &'static OperationSchema,
    handler: Handler<C>,
}

/// Decodes at once and answers later.
type Handler<C> = Box<dyn Fn(C, &Call<'_>) -> Result<Pending, ServiceError> + Send + Sync>;
type Pending = BoxFuture<'static, Result<Answer, ServiceError>>;
/// Events of a stream as the encoder sees them.
type Events = BoxStream<'static, Result<Box<dyn Members>, ServiceError>>;

enum Answer {
    Output(Box<dyn Members>),
    Stream(Box<dyn Members>, Events),
}

impl<C: Send + 'static> ServiceTable<C> {
    pub fn new(service: &'static ServiceSchema) -> Self {
        Self { service, handlers: HashMap::new() }
    }

    pub fn service(&self) -> &'static ServiceSchema {
        self.service
    }

    /// Adds the handler of an operation.
    pub fn operation<O, F, R>(self, handler: F) -> Self
    where
        O: Operation,
        F: Fn(C, O::Input) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O::Output, ServiceError>> + Send + 'static,
    {
        let erased: Handler<C> = Box::new(move |context, call| {
            let input = decode::<O>(call)?;
            let answer = handler(context, input);
            Ok(Box::pin(async move { answer.await.map(|output| Answer::Output(Box::new(output) as _)) }))
        });
        self.insert(O::SCHEMA, erased)
    }

    /// Adds the handler of an operation that answers with a stream of events: the output for the initial
    /// response, and the events, each a value of the model's union with one member set. An error ends the
    /// stream as an exception.
    pub fn event_stream<O, E, F, R, S>(self, handler: F) -> Self
    where
        O: Operation,
        E: Shape,
        F: Fn(C, O::Input) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(O::Output, S), ServiceError>> + Send + 'static,
        S: Stream<Item = Result<E, ServiceError>> + Send + 'static,
    {
        let erased: Handler<C> = Box::new(move |context, call| {
            let input = decode::<O>(call)?;
            let answer = handler(context, input);
            Ok(Box::pin(async move {
                let (output, events) = answer.await?;
                let events = events.map(|event| event.map(|event| Box::new(event) as Box<dyn Members>));
                Ok(Answer::Stream(Box::new(output), events.boxed()))
            }))
        });
        self.insert(O::SCHEMA, erased)
    }

    /// The listed operations without a handler; a test holds this to be empty.
    pub fn missing(&self) -> Vec<&'static str> {
        let names = self.service.operations.iter().map(|operation| operation.name);
        names.filter(|name| !self.handlers.contains_key(name)).collect()
    }

    /// Does one call and answers it, whatever happens. The future borrows the call only until its input is
    /// decoded and while its answer is written.
    pub async fn call(&self, context: C, call: Call<'_>) -> Response<Body> {
        let Some(entry) = self.handlers.get(call.operation) else {
            let error = not_implemented(call.protocol, self.service, call.operation);
            return encode_error(call.protocol, self.service, None, call.request_id, &error);
        };
        let answer = match (entry.handler)(context, &call) {
            // A panic is a bug of ours: its caller still gets an answer, and other calls go on.
            Ok(pending) => AssertUnwindSafe(pending)
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(ServiceError::internal("the handler panicked"))),
            Err(error) => Err(error),
        };
        match answer {
            Ok(Answer::Output(output)) => {
                encode_output(call.protocol, self.service, entry.operation, call.request_id, &*output)
            }
            Ok(Answer::Stream(output, events)) => event_stream::respond(
                call.protocol,
                self.service,
                entry.operation,
                call.request_id,
                &*output,
                events,
            ),
            Err(error) => {
                log(self.service, &call, &error);
                encode_error(call.protocol, self.service, Some(entry.operation), call.request_id, &error)
            }
        }
    }

    fn insert(mut self, operation: &'static OperationSchema, handler: Handler<C>) -> Self {
        let ours =
            self.service.operation(operation.name).is_some_and(|listed| std::ptr::eq(listed, operation));
        assert!(ours, "{} is not an operation of {}", operation.name, self.service.id);
        let before = self.handlers.insert(operation.name, Entry { operation, handler });
        assert!(before.is_none(), "{} has two handlers", operation.name);
        self
    }
}

fn decode<O: Operation>(call: &Call<'_>) -> Result<O::Input, ServiceError> {
    let mut input = O::Input::default();
    decode_input(call.protocol, O::SCHEMA, call.parts, call.body, &mut input)?;
    Ok(input)
}

/// The one place where an operation's error is logged, with its private causes.
fn log(service: &ServiceSchema, call: &Call<'_>, error: &ServiceError) {
    let mut chain = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push_str(if chain.is_empty() { "" } else { ": " });
        chain.push_str(&error.to_string());
        cause = error.source();
    }
    let (service, operation, request_id) = (service.name, call.operation, call.request_id);
    match error.fault {
        Fault::Service => tracing::error!(service, operation, request_id, %error, chain, "operation failed"),
        Fault::Caller => tracing::debug!(service, operation, request_id, %error, chain, "operation refused"),
    }
}

impl<C> std::fmt::Debug for ServiceTable<C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ServiceTable").field("service", &self.service.id).finish_non_exhaustive()
    }
}
