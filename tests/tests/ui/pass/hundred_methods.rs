use ipc_core::{Local, remote};

pub struct Meter;

#[remote]
impl Meter {
    /// Method 0.
    pub fn method_0(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 1.
    pub fn method_1(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 2.
    pub fn method_2(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 3.
    pub fn method_3(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 4.
    pub fn method_4(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 5.
    pub fn method_5(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 6.
    pub fn method_6(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 7.
    pub fn method_7(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 8.
    pub fn method_8(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 9.
    pub fn method_9(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 10.
    pub fn method_10(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 11.
    pub fn method_11(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 12.
    pub fn method_12(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 13.
    pub fn method_13(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 14.
    pub fn method_14(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 15.
    pub fn method_15(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 16.
    pub fn method_16(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 17.
    pub fn method_17(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 18.
    pub fn method_18(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 19.
    pub fn method_19(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 20.
    pub fn method_20(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 21.
    pub fn method_21(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 22.
    pub fn method_22(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 23.
    pub fn method_23(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 24.
    pub fn method_24(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 25.
    pub fn method_25(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 26.
    pub fn method_26(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 27.
    pub fn method_27(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 28.
    pub fn method_28(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 29.
    pub fn method_29(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 30.
    pub fn method_30(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 31.
    pub fn method_31(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 32.
    pub fn method_32(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 33.
    pub fn method_33(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 34.
    pub fn method_34(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 35.
    pub fn method_35(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 36.
    pub fn method_36(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 37.
    pub fn method_37(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 38.
    pub fn method_38(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 39.
    pub fn method_39(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 40.
    pub fn method_40(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 41.
    pub fn method_41(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 42.
    pub fn method_42(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 43.
    pub fn method_43(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 44.
    pub fn method_44(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 45.
    pub fn method_45(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 46.
    pub fn method_46(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 47.
    pub fn method_47(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 48.
    pub fn method_48(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 49.
    pub fn method_49(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 50.
    pub fn method_50(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 51.
    pub fn method_51(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 52.
    pub fn method_52(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 53.
    pub fn method_53(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 54.
    pub fn method_54(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 55.
    pub fn method_55(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 56.
    pub fn method_56(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 57.
    pub fn method_57(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 58.
    pub fn method_58(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 59.
    pub fn method_59(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 60.
    pub fn method_60(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 61.
    pub fn method_61(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 62.
    pub fn method_62(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 63.
    pub fn method_63(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 64.
    pub fn method_64(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 65.
    pub fn method_65(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 66.
    pub fn method_66(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 67.
    pub fn method_67(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 68.
    pub fn method_68(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 69.
    pub fn method_69(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 70.
    pub fn method_70(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 71.
    pub fn method_71(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 72.
    pub fn method_72(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 73.
    pub fn method_73(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 74.
    pub fn method_74(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 75.
    pub fn method_75(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 76.
    pub fn method_76(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 77.
    pub fn method_77(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 78.
    pub fn method_78(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 79.
    pub fn method_79(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 80.
    pub fn method_80(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 81.
    pub fn method_81(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 82.
    pub fn method_82(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 83.
    pub fn method_83(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 84.
    pub fn method_84(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 85.
    pub fn method_85(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 86.
    pub fn method_86(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 87.
    pub fn method_87(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 88.
    pub fn method_88(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 89.
    pub fn method_89(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 90.
    pub fn method_90(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 91.
    pub fn method_91(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 92.
    pub fn method_92(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 93.
    pub fn method_93(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 94.
    pub fn method_94(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 95.
    pub fn method_95(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 96.
    pub fn method_96(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 97.
    pub fn method_97(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 98.
    pub fn method_98(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
    /// Method 99.
    pub fn method_99(&mut self, a: u32, b: f64) -> Result<f64, std::io::Error> { Ok(f64::from(a) * b) }
}

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    assert_eq!(meter.method_99(2, 1.5), Ok(3.0));
}
