//! `task` and `args`: code of the program that loads the file, and what it is called with.

use super::fault::Code;
use super::value::{Entry, Reader};
use crate::model::{JobAction, Name, TaskMisfit, Tasks};
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

/// Reads the task with its arguments, without which it is called with nothing. `tasks`: those of the program.
pub(super) fn read(
    reader: &mut Reader<'_>,
    task: &Entry<'_>,
    args: Option<&Entry<'_>>,
    tasks: Option<&Tasks>,
) -> Option<JobAction> {
    let name = reader.some_text(task, "the name of a task")?;
    let Some(tasks) = tasks else {
        let message =
            format!("the task `{}` needs a program that registers it; `runner` registers none", name.text);
        let hint = "start this file by that program, or write a command";
        reader.fault_with_hint(Code::UnknownTask, name.span, message, hint);
        return None;
    };
    let written = args.map_or(Some(Value::Null), |entry| json(reader, entry.key, entry.value))?;
    match tasks.bind(&name.text, Arc::new(written)) {
        Ok(task) => Some(JobAction::Task(Arc::new(task))),
        Err(misfit) => {
            tell(reader, &misfit, name.span, args, tasks);
            None
        }
    }
}

fn tell(
    reader: &mut Reader<'_>,
    misfit: &TaskMisfit,
    name: Range<usize>,
    args: Option<&Entry<'_>>,
    tasks: &Tasks,
) {
    match misfit {
        TaskMisfit::Unknown { task, nearest } => {
            let known = tasks.names().map(Name::as_str).collect::<Vec<_>>().join(", ");
            let hint = match nearest {
                Some(nearest) => format!("did you mean \"{nearest}\"?"),
                None if known.is_empty() => "the program registers none".to_owned(),
                None => format!("the program registers {known}"),
            };
            reader.fault_with_hint(Code::UnknownTask, name, format!("there is no task `{task}`"), hint);
        }
        TaskMisfit::Args { message, .. } | TaskMisfit::Unwritable { message, .. } => match args {
            Some(args) => {
                let message = format!("`args` does not fit the task: {message}");
                reader.fault(Code::BadArgs, args.span(), message);
            }
            None => {
                let message = "the task takes arguments, and the job has none";
                reader.fault_with_hint(Code::BadArgs, name, message, "write: args = { ... }");
            }
        },
    }
}

/// Says of arguments that they are nobody's.
pub(super) fn refuse_args(reader: &mut Reader<'_>, args: &Entry<'_>) {
    let message = "`args` are those of a task, and the job has none";
    let hint = "the arguments of a program stand in its command; take them out here";
    reader.fault_with_hint(Code::Conflict, args.key_span.clone(), message, hint);
}

/// A value as JSON has it. Dates and times are texts, as they are written.
fn json(reader: &mut Reader<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
    Some(match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(_) => Value::String(reader.sheet.text[value.span()].to_owned()),
        DeValue::Integer(number) => return integer(number).or_else(|| refuse(reader, key, value)),
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            return number.map(Value::Number).or_else(|| refuse(reader, key, value));
        }
        DeValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| json(reader, key, item)).collect();
            Value::Array(items.into_iter().collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                let key: &str = key.get_ref();
                (key.to_owned(), json(reader, key, value))
            };
            let entries: Vec<_> = table.iter().map(entry).collect();
            let sound = entries.into_iter().map(|(key, value)| value.map(|value| (key, value)));
            Value::Object(sound.collect::<Option<_>>()?)
        }
    })
}

fn integer(number: &DeInteger<'_>) -> Option<Value> {
    let (digits, radix) = (number.as_str(), number.radix());
    let signed = i64::from_str_radix(digits, radix).map(Value::from);
    signed.or_else(|_| u64::from_str_radix(digits, radix).map(Value::from)).ok()
}

fn refuse(reader: &mut Reader<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
    let found = reader.sheet.text.get(value.span()).unwrap_or_default();
    let message = format!("`{key}`: expected a number that JSON has, found `{found}`");
    reader.fault(Code::BadValue, value.span(), message);
    None
}
