//! Looks: sums over red, green and blue, so that a browser's `feColorMatrix` in sRGB gives the same picture.

use super::list::Look;

/// One look: for red, green and blue of the result the weights of red, green, blue, and a constant of full scale.
pub type Matrix = [[f64; 4]; 3];

const MONO: [f64; 4] = [0.2232, 0.7510, 0.0758, -0.02];

impl Look {
    /// All that change something.
    pub const ALL: [Self; 5] = [Self::Warm, Self::Cool, Self::Mono, Self::Vivid, Self::Faded];

    /// The weights, on gamma-coded values; `None` where nothing changes.
    ///
    /// Mono weighs by BT.709 with contrast raised by 5 %; vivid and faded change saturation about the same grey
    /// (by 1.38 and 0.72), contrast and black level.
    pub const fn matrix(self) -> Option<Matrix> {
        match self {
            Self::None => None,
            Self::Warm => Some([[1.08, 0.02, 0.0, 0.01], [0.0, 1.0, 0.0, 0.0], [0.0, 0.02, 0.86, 0.0]]),
            Self::Cool => Some([[0.9, 0.0, 0.02, 0.0], [0.0, 1.0, 0.02, 0.0], [0.0, 0.03, 1.07, 0.01]]),
            Self::Mono => Some([MONO, MONO, MONO]),
            Self::Vivid => Some([
                [1.3308, -0.2532, -0.0276, -0.025],
                [-0.0792, 1.1568, -0.0276, -0.025],
                [-0.0792, -0.2532, 1.3824, -0.025],
            ]),
            Self::Faded => Some([
                [0.6906, 0.1430, 0.0144, 0.09],
                [0.0456, 0.7880, 0.0144, 0.09],
                [0.0456, 0.1430, 0.6594, 0.09],
            ]),
        }
    }

    /// As it is written in an edit list.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Warm => "warm",
            Self::Cool => "cool",
            Self::Mono => "mono",
            Self::Vivid => "vivid",
            Self::Faded => "faded",
        }
    }
}
