//! Where names of points stand, so that none stands on another.

/// How high a name is, in pixels.
const HEIGHT: i32 = 13;
/// How wide a letter of it is at the most.
const LETTER: i32 = 7;

/// Where the upper left corner of each name stands, from its point, in pixels: to the right of it if nothing stands there,
/// else where something doesn't. `points` are names with places on the page.
pub fn places(points: &[(&str, (i32, i32))]) -> Vec<(i32, i32)> {
    let mut taken: Vec<[i32; 4]> = points.iter().map(|&(_, (x, y))| [x - 4, y - 4, x + 4, y + 4]).collect();
    let free = |taken: &[[i32; 4]], name: &[i32; 4]| {
        taken.iter().all(|other| {
            name[2] <= other[0] || name[0] >= other[2] || name[3] <= other[1] || name[1] >= other[3]
        })
    };
    let place = |&(name, (x, y)): &(&str, (i32, i32))| {
        let width = LETTER * name.chars().count() as i32;
        let beside = [-6, -19, 7, -32, 20].map(|down| [(8, down), (-8 - width, down)]);
        let rectangle =
            |(right, down): (i32, i32)| [x + right, y + down, x + right + width, y + down + HEIGHT];
        let found = beside.as_flattened().iter().find(|&&at| free(&taken, &rectangle(at)));
        let at = *found.unwrap_or(&beside[0][0]);
        taken.push(rectangle(at));
        at
    };
    points.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_neighbours_stand_apart() {
        let points = [("Q4_K_S", (100, 100)), ("Q4_K_M", (112, 102)), ("alone", (300, 100))];
        let places = places(&points);
        assert_eq!(places[0], (-50, -6), "the neighbour's point is to the right");
        assert_eq!(places[2], (8, -6));
        let corners =
            |place: usize| (points[place].1.0 + places[place].0, points[place].1.1 + places[place].1);
        let ((one, two), width) = ((corners(0), corners(1)), LETTER * 6);
        assert!((one.0 - two.0).abs() >= width || (one.1 - two.1).abs() >= HEIGHT, "{one:?} {two:?}");
    }
}
