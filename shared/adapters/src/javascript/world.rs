//! A world: one runtime of QuickJS with one global object in it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use headwater_core::limits;
use headwater_core::ports::{Effect, Script, ScriptCall, ScriptEnd, ScriptFailure, ScriptOutcome};
use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::function::Opt;
use rquickjs::object::Property;
use rquickjs::promise::PromiseState;
use rquickjs::{Coerced, Context, Ctx, Error, Exception, Function, Object, Persistent, Result, Runtime, String as JsString, Value};
use serde_json::Value as Json;

use super::Bounds;
use super::desk::Desk;
use super::values::{self, Taken};

/// What a script finds beside the language itself. Not among it: `performance`, which would tell the time, and `WeakRef`, which
/// would tell when memory is collected.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

/// The name whose declaration ends what is only parsed.
const PROBE: &str = "headwater_parsed_to_the_end";

const PRELUDE: &str = include_str!("prelude.js");

/// A world, and the desk that its functions write to.
pub(super) struct World {
    desk: Rc<Desk>,
    /// The function to call, in a world that is called more than once. It goes before the context does.
    main: Option<Persistent<Function<'static>>>,
    context: Context,
    runtime: Runtime,
}

impl World {
    /// A new world; nothing when there is no memory for one.
    pub(super) fn new(script: &Script, bounds: &Bounds) -> Option<Self> {
        let desk = Desk::new(bounds.steps);
        let runtime = Runtime::new().ok()?;
        let context = Context::custom::<Intrinsics>(&runtime).ok()?;
        // Not before: building a world is not made for being broken off.
        runtime.set_memory_limit(bounds.memory + script.text.len() * limits::SCRIPT_MEMORY_OF_TEXT);
        runtime.set_max_stack_size(bounds.stack);
        let asked = Rc::clone(&desk);
        runtime.set_interrupt_handler(Some(Box::new(move || asked.must_stop())));
        context.with(|ctx| furnish(&ctx, &desk)).ok()?;
        Some(Self { desk, main: None, context, runtime })
    }

    /// Makes a call in a world of its own.
    pub(super) fn call_once(call: &ScriptCall, cancelled: &Arc<AtomicBool>, bounds: &Bounds) -> ScriptOutcome {
        if let Err(why) = is_short(&call.script) {
            return ScriptOutcome { effects: Vec::new(), end: ScriptEnd::Failed(ScriptFailure::Source(why)) };
        }
        let Some(mut world) = Self::new(&call.script, bounds) else { return no_memory() };
        let outcome = world.call(call, cancelled, false);
        drop(world);
        match outcome.end {
            // QuickJS says of a text that does not parse what it says of an error that the text throws.
            ScriptEnd::Failed(ScriptFailure::Threw(what)) if what.starts_with("SyntaxError") && outcome.effects.is_empty() => {
                let end = match check(&call.script, bounds) {
                    Err(why) => ScriptFailure::Source(why),
                    Ok(()) => ScriptFailure::Threw(what),
                };
                ScriptOutcome { end: ScriptEnd::Failed(end), ..outcome }
            }
            _ => outcome,
        }
    }

    /// Makes a call. A lasting world keeps what the script defines.
    pub(super) fn call(&mut self, call: &ScriptCall, cancelled: &Arc<AtomicBool>, lasting: bool) -> ScriptOutcome {
        self.desk.open(call, cancelled);
        let Self { desk, main, context, .. } = self;
        context.with(|ctx| {
            if let Err(error) = make(&ctx, desk, main, call, lasting) {
                desk.fail(|| failure(&ctx, error));
            }
        });
        let (effects, end) = self.desk.close();
        ScriptOutcome { effects, end }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.main = None;
        // Nothing of a script is left to run: an end on the desk stops whatever asks.
        self.desk.end(ScriptEnd::Done);
        self.runtime.set_interrupt_handler(None);
    }
}

/// Parses a script, and runs nothing of it.
pub(super) fn check(script: &Script, bounds: &Bounds) -> std::result::Result<(), String> {
    is_short(script)?;
    let Some(world) = World::new(script, bounds) else { return Err("there is no memory to read it".to_owned()) };
    world.context.with(|ctx| {
        // A text is parsed whole, then its names are declared, and only then it runs. One that declares a name that there is already
        // ends between the two.
        let probe = format!("let {PROBE};");
        evaluate(&ctx, PROBE, probe.clone()).map_err(|_| "there is no memory to read it".to_owned())?;
        match evaluate(&ctx, &script.name, format!("{}\n{probe}", script.text)) {
            Ok(_) => Ok(()),
            Err(error) => match failure(&ctx, error) {
                ScriptFailure::Threw(what) if what.contains(PROBE) && what.contains("redeclaration") => Ok(()),
                ScriptFailure::Threw(what) | ScriptFailure::Source(what) => Err(what),
                other => Err(other.to_string()),
            },
        }
    })
}

fn is_short(script: &Script) -> std::result::Result<(), String> {
    let (bytes, most) = (script.text.len(), limits::SCRIPT_TEXT);
    if bytes > most { Err(format!("it has {bytes} bytes, and a script has at most {most}")) } else { Ok(()) }
}

fn no_memory() -> ScriptOutcome {
    ScriptOutcome { effects: Vec::new(), end: ScriptEnd::Failed(ScriptFailure::Memory) }
}

/// How QuickJS begins to say that there is no memory.
const NO_MEMORY: [&str; 4] =
    ["InternalError: out of memory", "InternalError: string too long", "RangeError: Maximum call stack size exceeded", "[uninitialized]"];

/// What the host does when a script calls one of its functions. True when the script goes on.
type Told = for<'js> fn(&Ctx<'js>, &Desk, &Value<'js>, &Value<'js>) -> Result<bool>;

/// Puts into a new world what the host gives.
fn furnish<'js>(ctx: &Ctx<'js>, desk: &Rc<Desk>) -> Result<()> {
    give(ctx, desk, "updateState", 1, update_state)?;
    give(ctx, desk, "updateProperty", 2, update_property)?;
    give(ctx, desk, "log", 1, log)?;
    give(ctx, desk, "sleep", 1, sleep)?;
    let drawn = Rc::clone(desk);
    let random = Function::new(ctx.clone(), move || drawn.random())?.with_name("random")?;
    ctx.globals().get::<_, Object<'js>>("Math")?.prop("random", Property::from(random).writable().configurable())?;
    let asked = Rc::clone(desk);
    let present = Function::new(ctx.clone(), move || asked.present())?;
    evaluate(ctx, "prelude.js", PRELUDE)?.get::<Function<'js>>()?.call((present,))
}

fn give<'js>(ctx: &Ctx<'js>, desk: &Rc<Desk>, name: &str, length: usize, told: Told) -> Result<()> {
    let desk = Rc::clone(desk);
    let function = move |ctx: Ctx<'js>, first: Opt<Value<'js>>, second: Opt<Value<'js>>| {
        let given = |value: Opt<Value<'js>>| value.0.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
        if !desk.is_over() && told(&ctx, &desk, &given(first), &given(second))? {
            return Ok(());
        }
        // A script that catches this goes on to where it is stopped. It does nothing more that is heard.
        Err(ctx.throw(Value::new_undefined(ctx.clone())))
    };
    let function = Function::new(ctx.clone(), function)?.with_name(name)?.with_length(length)?;
    ctx.globals().prop(name, Property::from(function).writable().configurable())
}

fn update_state<'js>(ctx: &Ctx<'js>, desk: &Desk, state: &Value<'js>, _: &Value<'js>) -> Result<bool> {
    let Some(object) = state.as_object().filter(|object| !object.is_array() && !object.is_function()) else {
        return Err(Exception::throw_type(ctx, "updateState takes an object"));
    };
    Ok(match values::entries(ctx, object, limits::SCRIPT_OUTPUT)? {
        Taken::Value(entries, bytes) => desk.keep(Effect::State(entries), bytes),
        Taken::TooMuch(why) => desk.refuse(why),
    })
}

fn update_property<'js>(ctx: &Ctx<'js>, desk: &Desk, key: &Value<'js>, value: &Value<'js>) -> Result<bool> {
    let Some(key) = key.as_string() else { return Err(Exception::throw_type(ctx, "updateProperty takes a name and a value")) };
    let key = values::text(ctx, key)?;
    Ok(match values::property(ctx, value.clone())? {
        Taken::Value(value, bytes) => {
            let bytes = bytes + key.len();
            desk.keep(Effect::Property(key, value), bytes)
        }
        Taken::TooMuch(why) => desk.refuse(format!("{key}: {why}")),
    })
}

fn log<'js>(ctx: &Ctx<'js>, desk: &Desk, value: &Value<'js>, _: &Value<'js>) -> Result<bool> {
    let text = value.get::<Coerced<JsString<'js>>>()?.0;
    let line = cut(values::text(ctx, &text)?, limits::SCRIPT_LOG_LINE);
    let bytes = line.len() + size_of::<Effect>();
    Ok(desk.keep(Effect::Log(line), bytes))
}

fn sleep<'js>(_: &Ctx<'js>, desk: &Desk, millis: &Value<'js>, _: &Value<'js>) -> Result<bool> {
    Ok(desk.sleep(millis.get::<Coerced<f64>>()?.0))
}

/// Makes a call, up to its end or the first thing that is thrown.
fn make<'js>(
    ctx: &Ctx<'js>,
    desk: &Desk,
    kept: &mut Option<Persistent<Function<'static>>>,
    call: &ScriptCall,
    lasting: bool,
) -> Result<()> {
    // What it is given is made while nothing of the script has run.
    let context = values::texts(ctx, &call.context)?;
    let state = values::state(ctx, &call.state)?;
    let properties = values::properties(ctx, &call.properties)?;
    let params = values::json(ctx, call.params.as_deref().unwrap_or(&Json::Null))?;
    let main = match kept {
        Some(main) => main.clone().restore(ctx)?,
        None => {
            evaluate(ctx, &call.script.name, &*call.script.text)?;
            let Some(main) = main_of(ctx)? else {
                desk.end(ScriptEnd::Failed(ScriptFailure::Source("it defines no function main".to_owned())));
                return Ok(());
            };
            if lasting {
                *kept = Some(Persistent::save(ctx, main.clone()));
            }
            main
        }
    };
    let answer: Value<'js> = main.call((context, state, properties, params))?;
    while !desk.is_over() && ctx.execute_pending_job() {}
    match answer.into_promise() {
        // What an asynchronous `main` throws is thrown.
        Some(promise) if promise.state() == PromiseState::Rejected => {
            promise.result::<Value<'js>>().map_or(Ok(()), |result| result.map(drop))
        }
        _ => Ok(()),
    }
}

/// The script's `main`, which may also be one of its constants, and those are not members of the global object.
fn main_of<'js>(ctx: &Ctx<'js>) -> Result<Option<Function<'js>>> {
    let main: Value<'js> = ctx.globals().get("main")?;
    if main.is_function() {
        return Ok(main.into_function());
    }
    Ok(evaluate(ctx, "main", "typeof main === 'function' ? main : null")?.into_function())
}

fn evaluate<'js>(ctx: &Ctx<'js>, name: &str, source: impl Into<Vec<u8>>) -> Result<Value<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.replace('\0', ""));
    ctx.eval_with_options(source, options)
}

/// Why a call failed. Asking what was thrown runs code of the script: the desk must be closed.
fn failure(ctx: &Ctx<'_>, error: Error) -> ScriptFailure {
    match error {
        Error::Exception => {}
        Error::Allocation => return ScriptFailure::Memory,
        Error::InvalidString(_) => return ScriptFailure::Source("it has a character U+0000".to_owned()),
        other => return ScriptFailure::Threw(other.to_string()),
    }
    let thrown = ctx.catch();
    if thrown.is_uncatchable_error() {
        return ScriptFailure::Time;
    }
    if thrown.is_null() {
        // QuickJS throws null when no memory is left for an error.
        return ScriptFailure::Threw("null, or there was no memory to say more".to_owned());
    }
    let Ok(said) = thrown.get::<Coerced<JsString<'_>>>().and_then(|said| values::text(ctx, &said.0)) else {
        ctx.catch();
        return ScriptFailure::Threw("it threw what cannot be put into words".to_owned());
    };
    if NO_MEMORY.iter().any(|what| said.starts_with(what)) {
        return ScriptFailure::Memory;
    }
    let stack = thrown.as_exception().and_then(Exception::stack);
    let place = stack.as_deref().and_then(|stack| stack.lines().next()).unwrap_or_default().trim();
    let said = cut(said, limits::SCRIPT_MESSAGE);
    ScriptFailure::Threw(if place.is_empty() || place.len() > limits::SCRIPT_MESSAGE { said } else { format!("{said}, {place}") })
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}
