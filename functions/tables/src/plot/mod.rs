//! Pictures of tables, as SVG: samples over time, spectra over frequency, or over time and frequency.

mod chart;
mod envelope;
mod spectrogram;
#[cfg(test)]
mod tests;
mod ticks;
mod waveform;

use headwater_core::ids::TableName;
use headwater_core::limits;
use headwater_core::tables::{ElementType, Row, RowReader, Selection, TableService, TimeMeasure, Window, WindowElements};
use headwater_web::Problem;

pub(crate) use chart::Size;
use spectrogram::Spectra;
use waveform::Waveform;

use crate::problems;

/// Draws the newest rows of a table. Reads them once, and holds no more of them than the picture shows.
pub(crate) async fn of_table(tables: &TableService, name: &TableName, interval: TimeMeasure, size: Size) -> Result<String, Problem> {
    let definition = tables.describe(name).await.map_err(problems::table)?.definition;
    let element = definition.get("element").and_then(|element| element.as_str()).and_then(ElementType::from_name);
    if !matches!(element, Some(ElementType::Sample | ElementType::Vector)) {
        return Err(no_picture(name, "lists and objects"));
    }
    let rate = definition.get("sampleRate").and_then(serde_json::Value::as_f64).unwrap_or(1.0);
    let rows = tables.rows(name, Selection::Last(interval)).await.map_err(problems::table)?;
    let drawn = match (Gathering { name, size, period: 1e9 / rate, looked: 0 }).gather(rows).await? {
        Picture::Nothing => waveform::nothing(name.as_str(), size),
        Picture::Waveform(waveform) => waveform.draw(name.as_str(), size),
        Picture::Spectra(spectra) => spectra.draw(name.as_str(), size),
    };
    drawn.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, %name, "a picture failed");
        Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "the picture could not be drawn")
    })
}

fn no_picture(name: &TableName, of: &str) -> Problem {
    Problem::bad_request(format!("{name} holds {of}, of which there is no picture: only of samples, vectors, windows of them, and spectra"))
}

/// What rows become.
enum Picture {
    Nothing,
    Waveform(Waveform),
    Spectra(Box<Spectra>),
}

struct Gathering<'a> {
    name: &'a TableName,
    size: Size,
    /// Nanoseconds from one sample to the next.
    period: f64,
    /// Samples and bins so far.
    looked: u64,
}

impl Gathering<'_> {
    async fn gather(&mut self, mut rows: RowReader) -> Result<Picture, Problem> {
        let mut picture = Picture::Nothing;
        while let Some(piece) = rows.next().await.map_err(problems::table)? {
            for (marker, row) in piece {
                picture = self.add(picture, marker, row)?;
            }
            if self.looked > limits::PLOT_SAMPLES {
                let message = format!(
                    "Query parameter interval: it holds more than {} samples or bins, the most that are looked at for a picture; ask for a shorter one",
                    limits::PLOT_SAMPLES
                );
                return Err(Problem::bad_request(message));
            }
            // Others are to have their turn.
            tokio::task::yield_now().await;
        }
        Ok(picture)
    }

    fn add(&mut self, picture: Picture, marker: i64, row: Row) -> Result<Picture, Problem> {
        match (picture, row) {
            (Picture::Nothing, Row::Fft(spectrum)) => {
                self.looked += spectrum.bin_count as u64;
                Ok(Picture::Spectra(Box::new(Spectra::new(marker, spectrum, self.size))))
            }
            (Picture::Spectra(mut spectra), Row::Fft(spectrum)) => {
                self.looked += spectrum.bin_count as u64;
                spectra.add(marker, &spectrum);
                Ok(Picture::Spectra(spectra))
            }
            (Picture::Waveform(mut waveform), row) => {
                self.draw(&mut waveform, marker, &row)?;
                Ok(Picture::Waveform(waveform))
            }
            (_, row) => {
                let mut waveform = Waveform::new(self.size.width, self.period);
                self.draw(&mut waveform, marker, &row)?;
                Ok(Picture::Waveform(waveform))
            }
        }
    }

    fn draw(&mut self, waveform: &mut Waveform, marker: i64, row: &Row) -> Result<(), Problem> {
        match row {
            Row::Sample(sample) => self.draw_samples(waveform, marker, std::slice::from_ref(sample)),
            Row::Vector(samples) | Row::Window(Window { elements: WindowElements::Numbers(samples), .. }) => {
                self.draw_samples(waveform, marker, samples);
            }
            Row::Window(Window { elements: WindowElements::Rows(rows), .. }) => {
                let mut before = 0;
                for row in rows {
                    self.draw(waveform, marker.saturating_add((before as f64 * self.period) as i64), row)?;
                    before += span(row);
                }
            }
            Row::Fft(_) => return Err(no_picture(self.name, "windows of spectra")),
            Row::Json(_) => return Err(no_picture(self.name, "lists and objects")),
        }
        Ok(())
    }

    fn draw_samples(&mut self, waveform: &mut Waveform, marker: i64, samples: &[f64]) {
        self.looked += samples.len() as u64;
        waveform.add(marker, samples.iter().copied());
    }
}

/// Samples from the beginning of a row to that of the next one.
fn span(row: &Row) -> u64 {
    match row {
        Row::Vector(samples) => samples.len() as u64,
        Row::Window(Window { step, elements: WindowElements::Rows(rows), .. }) => step * rows.first().map_or(1, span),
        Row::Window(Window { step, .. }) => *step,
        Row::Sample(_) | Row::Fft(_) | Row::Json(_) => 1,
    }
}
