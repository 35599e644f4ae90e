//! Tells calls that could last for ever that the server is about to end, so that it can.

use tokio::sync::watch;

/// Says that the server is closing. Dropping it says so too.
#[derive(Debug)]
pub struct Closer(watch::Sender<bool>);

/// Learns that the server is closing. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Closing(watch::Receiver<bool>);

/// A pair of them.
#[must_use]
pub fn closer() -> (Closer, Closing) {
    let (sender, receiver) = watch::channel(false);
    (Closer(sender), Closing(receiver))
}

impl Closer {
    /// Ends every stream: what is in flight is answered first.
    pub fn close(&self) {
        self.0.send_replace(true);
    }
}

impl Closing {
    /// Waits until the server is closing.
    pub async fn wait(&mut self) {
        // An error means that the sender is gone, and so the server.
        let _ended = self.0.wait_for(|closing| *closing).await;
    }
}
